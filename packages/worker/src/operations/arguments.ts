import { Binary, type Document } from 'mongodb';

import { reviveCarried } from '../carried';
import { decodeFaithful, int32 } from '../codec';
import { RawDocument } from './raw-inserts';
import { withReadPreference } from '../driver';

/**
 * The arguments of one call. On the wire they are one BSON document `{ a, b, c, o }`: up to three positional arguments
 * and the options. An absent one is undefined. If the document has a field `n`, the first argument is an array of
 * documents, and each follows as BSON until the bytes end. One BSON document could not hold a long array.
 *
 * If `o` is a binary, it holds `{ a, b, c, o }` packed by `packCarried`, because BSON cannot hold one of them.
 */
export interface CallArguments {
  positional: unknown[];
  options: Document | undefined;
}

/** Further buffers of a large call, each with its length in use. */
export type MoreBytes = readonly { buffer: ArrayBuffer; length: number }[];

/**
 * Reads the arguments of a call, as values that the driver serializes to the same bytes.
 *
 * @param raw - leaves inserted documents, or the operations of a bulk write, as bytes
 */
export function readArguments(
  bytes: Uint8Array,
  start: number,
  end: number,
  more: MoreBytes = [],
  raw = false,
): CallArguments {
  const root = decodeFaithful(bytes, start) as {
    a?: unknown;
    b?: unknown;
    c?: unknown;
    o?: Document;
  };
  if (root.o instanceof Binary) Object.assign(root, { o: undefined }, carriedIn(root.o));
  if ('n' in root) {
    const read = raw ? rawDocument : decodeFaithful;
    const documents: Document[] = [];
    readDocuments(documents, read, bytes, start + int32(bytes, start), end);
    for (const { buffer, length } of more) {
      readDocuments(documents, read, new Uint8Array(buffer), 0, length);
    }
    root.a = documents;
  }
  return { positional: [root.a, root.b, root.c], options: withReadPreference(root.o) };
}

function carriedIn({ buffer, position }: Binary): object {
  return reviveCarried(buffer.subarray(0, position)) as object;
}

function readDocuments(
  documents: Document[],
  read: (bytes: Uint8Array, at: number) => Document,
  bytes: Uint8Array,
  at: number,
  end: number,
): void {
  while (at < end) {
    documents.push(read(bytes, at));
    at += int32(bytes, at);
  }
}

function rawDocument(bytes: Uint8Array, at: number): RawDocument {
  return new RawDocument(bytes.subarray(at, at + int32(bytes, at)));
}
