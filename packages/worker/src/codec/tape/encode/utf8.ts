import type { Sections } from './sections';

/** Returned for bytes that are not UTF-8. */
export const INVALID_UTF8 = -0x80000000;

/**
 * Writes a UTF-8 string that is not all ASCII: to `narrow` if no character is above U+00FF, else to `wide`. Returns the
 * content of its string slot. For invalid UTF-8 it returns INVALID_UTF8 and writes nothing. It follows the Unicode
 * standard's table of well-formed sequences (no overlong forms, no surrogates, nothing above U+10FFFF).
 */
export function writeUtf8(
  source: Uint8Array,
  start: number,
  end: number,
  sections: Sections,
): number {
  const { wide } = sections;
  const from = sections.wideCount;
  let to = from;
  let all = 0;
  let at = start;
  while (at < end) {
    const lead = source[at++];
    if (lead < 0x80) {
      wide[to++] = lead;
    } else if (lead < 0xe0) {
      if (lead < 0xc2 || at >= end || (source[at] & 0xc0) !== 0x80) return INVALID_UTF8;
      const unit = ((lead & 0x1f) << 6) | (source[at++] & 0x3f);
      all |= unit;
      wide[to++] = unit;
    } else if (lead < 0xf0) {
      if (at + 1 >= end || (source[at] & 0xc0) !== 0x80 || (source[at + 1] & 0xc0) !== 0x80)
        return INVALID_UTF8;
      const unit = ((lead & 0x0f) << 12) | ((source[at] & 0x3f) << 6) | (source[at + 1] & 0x3f);
      if (unit < 0x800 || (unit & 0xf800) === 0xd800) return INVALID_UTF8;
      at += 2;
      all |= unit;
      wide[to++] = unit;
    } else {
      if (
        at + 2 >= end ||
        (source[at] & 0xc0) !== 0x80 ||
        (source[at + 1] & 0xc0) !== 0x80 ||
        (source[at + 2] & 0xc0) !== 0x80
      ) {
        return INVALID_UTF8;
      }
      const point =
        ((lead & 0x07) << 18) |
        ((source[at] & 0x3f) << 12) |
        ((source[at + 1] & 0x3f) << 6) |
        (source[at + 2] & 0x3f);
      if (lead > 0xf4 || point < 0x10000 || point > 0x10ffff) return INVALID_UTF8;
      at += 3;
      all |= 0xffff;
      wide[to++] = 0xd800 | ((point - 0x10000) >> 10);
      wide[to++] = 0xdc00 | (point & 0x3ff);
    }
  }
  const length = to - from;
  if (all > 0xff) {
    sections.wideCount = to;
    return -2 - length;
  }
  const { narrow } = sections;
  let narrowTo = sections.narrowCount;
  for (let unit = from; unit < to; unit++) narrow[narrowTo++] = wide[unit];
  sections.narrowCount = narrowTo;
  return length;
}
