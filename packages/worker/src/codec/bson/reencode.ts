import { types } from 'node:util';

import { BSON } from 'mongodb';

/**
 * Encodes a document that the driver decoded with `raw: true`: an object whose nested documents are still bytes, also
 * in arrays. These bytes are inserted unchanged, so the result equals what the server sent. Decode the document with
 * `promoteValues: false`, so that numbers keep their types. Do not use `promoteBuffers`: binaries would look like
 * documents.
 */
export function reencodeRaw(value: object): Uint8Array {
  return new RawDocumentWriter().write(value);
}

class RawDocumentWriter {
  #bytes = Buffer.allocUnsafe(1_024);
  #at = 0;
  /** Consecutive elements without documents inside. One call of BSON.serialize encodes them together. */
  #values = new Map<string, unknown>();

  write(value: object): Uint8Array {
    this.#document(value);
    return this.#bytes.subarray(0, this.#at);
  }

  /** The recursion is only as deep as the driver's envelope, because the server's nested documents are bytes. */
  #document(value: object): void {
    const start = this.#at;
    this.#room(5);
    this.#at += 4;
    for (const [key, element] of entriesOf(value)) this.#element(key, element);
    this.#writeValues();
    this.#room(1);
    this.#bytes[this.#at++] = 0;
    this.#bytes.writeInt32LE(this.#at - start, start);
  }

  #element(key: string, value: unknown): void {
    if (typeof value === 'function' || typeof value === 'symbol') return;
    if (value === undefined) {
      this.#key(0x06, key);
    } else if (types.isUint8Array(value)) {
      this.#key(0x03, key);
      this.#append(value);
    } else if (isDocument(value)) {
      this.#key(Array.isArray(value) ? 0x04 : 0x03, key);
      this.#document(value);
    } else {
      this.#values.set(key, value);
    }
  }

  #writeValues(): void {
    if (this.#values.size === 0) return;
    const document = BSON.serialize(this.#values);
    // Omit the length at the start and the zero at the end.
    this.#append(document.subarray(4, document.length - 1));
    this.#values.clear();
  }

  #key(type: number, key: string): void {
    this.#writeValues();
    const length = Buffer.byteLength(key);
    this.#room(length + 2);
    this.#bytes[this.#at] = type;
    this.#bytes.write(key, this.#at + 1);
    this.#bytes[this.#at + 1 + length] = 0;
    this.#at += length + 2;
  }

  #append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#at + length, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

function entriesOf(value: object): Iterable<[string, unknown]> {
  return types.isMap(value) ? (value as Map<string, unknown>) : Object.entries(value);
}

/** Whether a value may contain documents: any object that BSON.serialize does not write as one value. */
function isDocument(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { _bsontype?: unknown })._bsontype == null &&
    typeof (value as { toBSON?: unknown }).toBSON !== 'function' &&
    !types.isDate(value) &&
    !types.isRegExp(value)
  );
}
