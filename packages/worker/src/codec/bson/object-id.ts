import { ObjectId } from 'mongodb';

export type ReadObjectId = (bytes: Uint8Array, offset: number) => ObjectId;

/**
 * The constructor that bson 7.3 has for its own deserializer. It reads twelve bytes at an offset and keeps no
 * reference.
 */
type ObjectIdAt = new (bytes: Uint8Array, offset: number) => ObjectId;

/**
 * Whether the installed bson can read an ObjectId in place. Older 7.x versions need a separate buffer of twelve bytes.
 */
export const readsInPlace = canReadInPlace();

export const readObjectId: ReadObjectId = readsInPlace
  ? (bytes, offset) => new (ObjectId as unknown as ObjectIdAt)(bytes, offset)
  : copyObjectId;

/** Copies an ObjectId, which works with every version. The id gets its own bytes, as in bson's deserializer. */
export function copyObjectId(bytes: Uint8Array, offset: number): ObjectId {
  const own = Buffer.allocUnsafe(12);
  for (let at = 0; at < 12; at++) own[at] = bytes[offset + at];
  return new ObjectId(own);
}

function canReadInPlace(): boolean {
  const bytes = Uint8Array.from({ length: 16 }, (_, at) => at + 1);
  try {
    const id = new (ObjectId as unknown as ObjectIdAt)(bytes, 3);
    bytes.fill(0);
    return id.toHexString() === '0405060708090a0b0c0d0e0f';
  } catch {
    return false;
  }
}
