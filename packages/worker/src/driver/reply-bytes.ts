import { replaceMethod, ReplyClass, type Reply } from './internals';

/** The place of a value in a reply: a field, or the whole reply. */
interface Place {
  response: Reply;
  field?: string;
}

/** Fields of a reply that some operations of the driver return alone. */
const FIELDS = ['value', 'values'];

const places = new WeakMap<object, Place>();

/** Makes the driver's decoding remember the reply that each value came from. */
export function rememberReplies(): void {
  replaceMethod(
    ReplyClass?.prototype,
    'toObject',
    (native) =>
      function (options) {
        const object = native.call(this, options) as Record<string, unknown>;
        places.set(object, { response: this });
        for (const field of FIELDS) {
          const value = object[field];
          if (typeof value === 'object' && value !== null) {
            places.set(value, { response: this, field });
          }
        }
        return object;
      },
  );
}

/**
 * Returns the server's own bytes of a result that the driver passes through, so that nothing is lost by decoding and
 * encoding it. The bytes are a document whose only field is the result, or the whole reply.
 */
export function replyBytes(result: unknown): { bytes: Uint8Array; whole: boolean } | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const place = places.get(result);
  if (place === undefined) return undefined;
  const { response, field } = place;
  if (field === undefined) {
    const bytes = response.toBytes?.();
    return bytes && { bytes, whole: true };
  }
  const bytes = fieldAlone(response, field);
  return bytes && { bytes, whole: false };
}

function fieldAlone({ bson, elements }: Reply, field: string): Uint8Array | undefined {
  const name = Buffer.from(field);
  for (const [type, nameOffset, nameLength, offset, length] of elements) {
    if (
      nameLength !== name.length ||
      !name.equals(bson.subarray(nameOffset, nameOffset + nameLength))
    )
      continue;
    const size = 4 + 1 + nameLength + 1 + length + 1;
    const document = Buffer.alloc(size);
    document.writeInt32LE(size);
    document[4] = type;
    document.set(name, 5);
    document.set(bson.subarray(offset, offset + length), 6 + nameLength);
    return document;
  }
  return undefined;
}
