import { Binary, type Document } from 'mongodb';

import { reviveCarried } from '../carried';
import { decodeFaithful, int32 } from '../codec';
import { RawDocument } from './raw-inserts';
import { withReadPreference } from '../driver';

/**
 * The arguments of one call. On the wire: one BSON document `{ a, b, c, o }` (up to three
 * positional arguments and the options; an absent one is undefined), followed by as many BSON
 * documents as there are bytes left, which stand for the array that the first argument is. Long
 * arrays of documents travel so because one BSON document could not hold them.
 *
 * If `o` is a binary, it holds `{ a, b, c, o }` as `packCarried` packed them, because BSON cannot hold one of these.
 */
export interface CallArguments {
  positional: unknown[];
  options: Document | undefined;
}

/** Further buffers of a large call, and how many bytes count in each. */
export type MoreBytes = readonly { buffer: ArrayBuffer; length: number }[];

/**
 * Reads the arguments of a call, in values that the driver serializes to the very same bytes.
 *
 * @param raw - the documents to be inserted, or the operations of a bulk write, stay bytes
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
