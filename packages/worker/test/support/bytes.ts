/** BSON by hand, for what BSON.serialize would not write. Everything is as given: nothing is checked. */

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

export function document(...elements: Uint8Array[]): Buffer {
  const body = Buffer.concat(elements);
  return Buffer.concat([int32(body.length + 5), body, Buffer.of(0)]);
}

export function element(type: number, key: string | Uint8Array, ...value: Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(type), Buffer.from(key as string), Buffer.of(0), ...value]);
}

export function text(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([int32(bytes.length + 1), bytes, Buffer.of(0)]);
}

export function cString(content: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(content as string), Buffer.of(0)]);
}

export function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}
