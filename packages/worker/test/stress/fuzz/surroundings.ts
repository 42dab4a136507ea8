import type { Random } from './random';

/**
 * The document as a part of a larger buffer, at an odd place, as in a server's reply. What lies around it
 * invites to read on: what was cut off from it, another document, zeros, or the buffer's own end.
 */
export function surrounded(random: Random, bytes: Buffer, sound: Buffer, other: Buffer): Buffer {
  const before = random.of([
    Buffer.alloc(0),
    random.bytes(1 + random.below(9)),
    other,
    Buffer.of(0xff),
  ]);
  const after = random.of([
    Buffer.alloc(0),
    Buffer.alloc(0),
    sound.subarray(Math.min(bytes.length, sound.length)),
    other,
    Buffer.alloc(40),
    Buffer.alloc(40, 0xff),
    Buffer.alloc(40, 0x61),
  ]);
  // An ArrayBuffer of exactly this size: a view past its end throws, and an index gives undefined.
  const whole = new Uint8Array(before.length + bytes.length + after.length);
  whole.set(before, 0);
  whole.set(bytes, before.length);
  whole.set(after, before.length + bytes.length);
  return Buffer.from(whole.buffer, before.length, bytes.length);
}
