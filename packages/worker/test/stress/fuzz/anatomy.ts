/** Where the parts of a sound document lie, so that a mutation can hit them. */
export interface Anatomy {
  /** The document itself, documents and arrays in it, and scopes of code. */
  documents: { start: number; end: number }[];
  elements: { start: number; end: number; key: number; value: number }[];
  /** Every int32 that says how long something is. */
  lengths: number[];
  /** Content of strings, without their terminators. */
  texts: { start: number; end: number }[];
}

export function anatomyOf(bytes: Buffer): Anatomy {
  const anatomy: Anatomy = { documents: [], elements: [], lengths: [], texts: [] };
  walk(bytes, 0, anatomy);
  return anatomy;
}

function walk(bytes: Buffer, start: number, anatomy: Anatomy): number {
  const end = start + bytes.readInt32LE(start);
  anatomy.documents.push({ start, end });
  anatomy.lengths.push(start);
  let at = start + 4;
  while (at < end - 1) {
    const element = { start: at, end: 0, key: at + 1, value: bytes.indexOf(0, at + 1) + 1 };
    anatomy.elements.push(element);
    at = element.end = endOfValue(bytes[element.start], bytes, element.value, anatomy);
  }
  return end;
}

function endOfValue(type: number, bytes: Buffer, at: number, anatomy: Anatomy): number {
  switch (type) {
    case 0x06:
    case 0x0a:
    case 0x7f:
    case 0xff:
      return at;
    case 0x08:
      return at + 1;
    case 0x10:
      return at + 4;
    case 0x01:
    case 0x09:
    case 0x11:
    case 0x12:
      return at + 8;
    case 0x07:
      return at + 12;
    case 0x13:
      return at + 16;
    case 0x02:
    case 0x0d:
    case 0x0e:
      return endOfText(bytes, at, anatomy);
    case 0x0c:
      return endOfText(bytes, at, anatomy) + 12;
    case 0x05:
      anatomy.lengths.push(at);
      if (bytes[at + 4] === 2) anatomy.lengths.push(at + 5);
      return at + 5 + bytes.readInt32LE(at);
    case 0x0b:
      return bytes.indexOf(0, bytes.indexOf(0, at) + 1) + 1;
    case 0x0f:
      anatomy.lengths.push(at);
      return walk(bytes, endOfText(bytes, at + 4, anatomy), anatomy);
    case 0x03:
    case 0x04:
      return walk(bytes, at, anatomy);
    default:
      throw new Error(`The document to be mutated is not sound: type ${type}`);
  }
}

function endOfText(bytes: Buffer, at: number, anatomy: Anatomy): number {
  const end = at + 4 + bytes.readInt32LE(at);
  anatomy.lengths.push(at);
  anatomy.texts.push({ start: at + 4, end: end - 1 });
  return end;
}
