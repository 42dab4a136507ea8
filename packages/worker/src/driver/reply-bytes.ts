/** A server's reply as the driver holds it. */
interface Response {
  readonly bson: Uint8Array;
  readonly elements: readonly Element[];
  toBytes(): Uint8Array;
  toObject: (this: Response, options?: object) => object;
}

/** An element's type, the position of its name and that of its value. */
type Element = [
  type: number,
  nameOffset: number,
  nameLength: number,
  offset: number,
  length: number,
];

/** The place of a value in a reply: a field, or the whole reply. */
interface Place {
  response: Response;
  field?: string;
}

/** Fields that an operation of the driver returns in place of the whole reply. */
const FIELDS = ['value', 'values'];

const places = new WeakMap<object, Place>();

watchDecoding();

/** Makes the driver's decoding remember the reply that each value came from. */
function watchDecoding(): void {
  try {
    /* eslint-disable @typescript-eslint/no-require-imports -- the package has no ES exports of these */
    const { MongoDBResponse } = require('mongodb/lib/cmap/wire_protocol/responses') as {
      MongoDBResponse: { prototype: Response };
    };
    /* eslint-enable @typescript-eslint/no-require-imports */
    const { prototype } = MongoDBResponse;
    const { toObject } = prototype;
    prototype.toObject = function (options) {
      const object = toObject.call(this, options) as Record<string, unknown>;
      places.set(object, { response: this });
      for (const field of FIELDS) {
        const value = object[field];
        if (typeof value === 'object' && value !== null) {
          places.set(value, { response: this, field });
        }
      }
      return object;
    };
  } catch {
    // In a version of the driver that keeps replies elsewhere, results are encoded again.
  }
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
  if (field === undefined) return { bytes: response.toBytes(), whole: true };
  const bytes = fieldAlone(response, field);
  return bytes && { bytes, whole: false };
}

function fieldAlone({ bson, elements }: Response, field: string): Uint8Array | undefined {
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
