import * as raw from '../../support/bytes';
import { anatomyOf, type Anatomy } from './anatomy';
import type { Random } from './random';
import { TELLING_KEYS } from './sound';

type Mutation = (random: Random, bytes: Buffer, anatomy: Anatomy, other: Buffer) => Buffer;

const TYPE_BYTES = [
  ...[0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f],
  ...[0x10, 0x11, 0x12, 0x13, 0x7f, 0xff, 0x00, 0x14, 0x24, 0x80],
];
const BYTES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 0x0a, 0x10, 0x12, 0x24, 0x7f, 0x80, 0xc3, 0xfd, 0xff];
const NOT_UTF8 = ['80', 'c080', 'eda080', 'f4908080', 'ff', 'c2', 'e282', 'f09f98', 'c3a9c3'];
const NEVER_UTF8 = NOT_UTF8.map((digits) => raw.hex(digits));

/** What is done to a sound document, by name. Those that change its size repair the lengths around it half of the time. */
const MUTATIONS: Record<string, Mutation> = {
  'bits flipped'(random, bytes) {
    for (let count = 1 + random.below(8); count > 0; count--) {
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    }
    return bytes;
  },

  'bytes set'(random, bytes) {
    for (let count = 1 + random.below(4); count > 0; count--) {
      bytes[random.below(bytes.length)] = random.oneIn(3) ? random.int32() : random.of(BYTES);
    }
    return bytes;
  },

  'length changed'(random, bytes, { lengths }) {
    const at = random.of(lengths);
    const length = bytes.readInt32LE(at);
    const left = bytes.length - at;
    const nearby = length + random.below(17) - 8;
    // Text and documents end with a zero: another one, also one past the end, may pass for it.
    const zero = bytes.indexOf(0, at + 4 + random.below(left - 4));
    const toZero = zero < 0 ? left : zero - at - random.of([3, 3, -1]);
    const choices = [
      ...[0, 1, 4, 5, -1, -length, left, left - 4, left - 5, left + random.below(40)],
      ...[nearby, nearby, nearby, toZero, toZero, toZero],
      ...[0x7fffffff, -0x80000000, 0x7ffffffb, 0x10000, length | 0x1000000, length | -0x80000000],
    ];
    bytes.writeInt32LE(random.of(choices), at);
    return bytes;
  },

  'byte lost or doubled where a part ends'(random, bytes, anatomy) {
    if (anatomy.elements.length === 0) return bytes;
    const { start, key, value, end } = random.of(anatomy.elements);
    const at = random.of([start, key, value - 1, value, end - 1]);
    return random.oneIn(2)
      ? replaced(random, bytes, anatomy, at, at + 1, Buffer.alloc(0))
      : replaced(random, bytes, anatomy, at, at, bytes.subarray(at, at + 1));
  },

  'value of few forms changed'(random, bytes, { elements }) {
    const few = elements.filter(({ start }) => [0x05, 0x08, 0x0b].includes(bytes[start]));
    if (few.length === 0) return bytes;
    const { start, value } = random.of(few);
    if (bytes[start] === 0x05) bytes[value + 4] = random.of([0, 1, 2, 3, 4, 6, 9, 128, 255]);
    else bytes[value] = random.of([2, 3, 0x28, 0x5b, 0x80, 0xff]);
    return bytes;
  },

  'type changed'(random, bytes, { elements }) {
    for (let count = 1 + random.below(2); count > 0 && elements.length > 0; count--) {
      bytes[random.of(elements).start] = random.of(TYPE_BYTES);
    }
    return bytes;
  },

  'cut off'(random, bytes) {
    const cut = bytes.subarray(0, random.below(bytes.length));
    if (cut.length < 5 || random.oneIn(3)) return cut;
    cut.writeInt32LE(cut.length);
    if (random.oneIn(2)) cut[cut.length - 1] = 0;
    return cut;
  },

  'something appended'(random, bytes, _, other) {
    const more = random.oneIn(2) ? other : random.bytes(1 + random.below(20));
    const longer = Buffer.concat([bytes, more]);
    if (longer.length >= 4 && random.oneIn(2)) longer.writeInt32LE(longer.length);
    return longer;
  },

  'spliced with another document'(random, bytes, anatomy, other) {
    const from = random.below(other.length);
    const part = other.subarray(from, from + 1 + random.below(Math.min(60, other.length - from)));
    const start = random.below(bytes.length);
    const end = Math.min(bytes.length, start + random.below(30));
    return replaced(random, bytes, anatomy, start, end, part);
  },

  'element removed'(random, bytes, anatomy) {
    if (anatomy.elements.length === 0) return bytes;
    const { start, end } = random.of(anatomy.elements);
    return replaced(random, bytes, anatomy, start, end, Buffer.alloc(0));
  },

  'element repeated'(random, bytes, anatomy) {
    if (anatomy.elements.length === 0) return bytes;
    const { start, end } = random.of(anatomy.elements);
    const to = random.of(anatomy.elements).start;
    return replaced(random, bytes, anatomy, to, to, bytes.subarray(start, end));
  },

  'value replaced'(random, bytes, anatomy, other) {
    const others = anatomyOf(other).elements;
    if (anatomy.elements.length === 0 || others.length === 0) return bytes;
    const { start, value, end } = random.of(anatomy.elements);
    const donor = random.of(others);
    // With the type that goes with it, mostly.
    if (!random.oneIn(3)) bytes[start] = other[donor.start];
    return replaced(random, bytes, anatomy, value, end, other.subarray(donor.value, donor.end));
  },

  'key changed'(random, bytes, anatomy) {
    if (anatomy.elements.length === 0) return bytes;
    const { key, value } = random.of(anatomy.elements);
    const name = random.oneIn(5) ? random.of(NEVER_UTF8) : Buffer.from(random.of(TELLING_KEYS));
    return replaced(random, bytes, anatomy, key, value - 1, name);
  },

  'text that is not UTF-8'(random, bytes, anatomy) {
    if (anatomy.texts.length === 0) return bytes;
    const { start, end } = random.of(anatomy.texts);
    const at = start + random.below(end - start + 1);
    if (random.oneIn(2)) return replaced(random, bytes, anatomy, at, at, random.of(NEVER_UTF8));
    if (at < end) bytes[at] |= 0x80;
    return bytes;
  },

  'wrapped in documents and arrays'(random, bytes) {
    let nested = bytes;
    for (let depth = random.of([1, 2, 5, 98, 99, 100, 101, 102, 160]); depth > 0; depth--) {
      nested = raw.document(raw.element(random.oneIn(3) ? 0x04 : 0x03, '0', nested));
    }
    return nested;
  },

  'terminator lost'(random, bytes, { documents }) {
    bytes[random.of(documents).end - 1] = random.of([1, 2, 0x10, 0xff]);
    return bytes;
  },
};
export const MUTATION_NAMES = Object.keys(MUTATIONS);

export interface Mutant {
  bytes: Buffer;
  /** The mutation, or "several". */
  how: string;
}

/** A changed copy of a sound document; `other` is a sound one to take parts from. */
export function mutant(random: Random, sound: Buffer, other: Buffer): Mutant {
  const how = random.of(MUTATION_NAMES);
  const bytes = MUTATIONS[how](random, Buffer.from(sound), anatomyOf(sound), other);
  if (!random.oneIn(6)) return { bytes, how };
  // What comes second does not know where things are any more: it hits as it hits.
  const again = random.of(['bits flipped', 'bytes set', 'cut off', 'something appended']);
  if (bytes.length === 0) return { bytes, how };
  return { bytes: MUTATIONS[again](random, bytes, NOTHING, other), how: 'several' };
}

const NOTHING: Anatomy = { documents: [], elements: [], lengths: [], texts: [] };

/** Puts `part` in place of the bytes from `start` to `end`. */
function replaced(
  random: Random,
  bytes: Buffer,
  { documents, lengths, elements, texts }: Anatomy,
  start: number,
  end: number,
  part: Uint8Array,
): Buffer {
  const made = Buffer.concat([bytes.subarray(0, start), part, bytes.subarray(end)]);
  const grown = made.length - bytes.length;
  if (grown === 0 || random.oneIn(2)) return made;
  const holders = [
    ...documents.map((document) => ({ at: document.start, end: document.end })),
    ...texts.map((text) => ({ at: text.start - 4, end: text.end + 1 })),
    // A code's length and its scope's are separate.
    ...elements
      .filter((element) => bytes[element.start] === 0x0f)
      .map((element) => ({ at: element.value, end: element.end })),
  ];
  for (const { at, end: holderEnd } of holders) {
    if (!lengths.includes(at) || at + 4 > start || holderEnd <= start || holderEnd < end) continue;
    made.writeInt32LE(made.readInt32LE(at) + grown, at);
  }
  return made;
}
