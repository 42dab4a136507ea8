import { types } from 'node:util';

import { Binary, BSON, type Document } from 'mongodb';

import { isAbortMessage, isAbortReason } from '../abort';
import { int32, reencodeRaw } from '../codec';
import { isError, packError } from '../errors';
import { replyBytes } from '../driver';
import { currentCall } from './call-context';
import type { Happening, PackedProperty } from '../protocol';

/** The size of bson's buffer for serializing. For a larger document it must be enlarged first. */
const BUFFER_BYTES = 16 * 1024 * 1024;

/** A happening and its documents, in the order of its properties. */
export interface Packed {
  happening: Happening;
  documents: Uint8Array[];
}

/** The fields of a happening before its properties. */
type Heading = Pick<Happening, 'type' | 'client' | 'name' | 'pool'>;

/** Packs an event of the driver, or a line of its log, with the call that caused it. */
export function pack(heading: Heading, event: object): Packed {
  const call = currentCall();
  const raw = call?.raw === true;
  const isEvent = heading.type === 'event';
  const documents: Uint8Array[] = [];
  const properties: Happening['properties'] = [];
  for (const [key, value] of Object.entries(event)) {
    if (typeof value === 'function' || typeof value === 'symbol') continue;
    properties.push([key, packProperty(isEvent ? key : '', value, raw, documents)]);
  }
  return { happening: { ...heading, call: call?.id ?? 0, properties }, documents };
}

function packProperty(
  key: string,
  value: unknown,
  raw: boolean,
  documents: Uint8Array[],
): PackedProperty {
  if (isAbortReason(value)) return { is: 'abortReason' };
  if (isAbortMessage(value)) return { is: 'abortMessage' };
  if (typeof value !== 'object' || value === null || types.isDate(value))
    return { is: 'plain', value };
  if (isError(value)) return { is: 'error', error: packError(value, raw) };
  try {
    if ('_bsontype' in value) {
      const bytes = BSON.serialize({ v: value });
      documents.push(bytes);
      return { is: 'value', length: bytes.length };
    }
    if (key === 'reply') {
      const bytes = bytesOfReply(value, raw);
      documents.push(bytes);
      return { is: 'reply', length: bytes.length };
    }
    if (key === 'command' || key === 'commandObj') {
      const bytes = serializeCommand(value);
      documents.push(bytes);
      const maps = mapsMadeByDriver(value);
      return { is: 'command', length: bytes.length, ...(maps.length === 0 ? {} : { maps }) };
    }
    return { is: 'plain', value: structuredClone(value) };
  } catch {
    // An event without this property is better than an exception inside the driver.
    return { is: 'plain', value: undefined };
  }
}

/** Returns the bytes that arrived, or encodes a reply that the driver made itself. */
function bytesOfReply(reply: object, raw: boolean): Uint8Array {
  const sent = replyBytes(reply);
  if (sent?.whole === true) return Uint8Array.from(sent.bytes);
  return raw ? rawReply(reply) : BSON.serialize(reply);
}

/** Encodes a reply that was decoded with `raw: true`. */
export function rawReply(reply: object): Uint8Array {
  return reencodeRaw(withBinaries(reply));
}

/**
 * Turns bytes that are not documents into Binary again. A reply that was decoded with `raw: true` has its documents as
 * bytes. With `promoteBuffers` the few binaries around the documents are bytes too.
 */
function withBinaries(value: object): object {
  if (types.isUint8Array(value)) return isDocument(value) ? value : new Binary(value);
  if ('_bsontype' in value || types.isDate(value) || types.isRegExp(value)) return value;
  if (Array.isArray(value)) return value.map(binariesOf);
  return Object.fromEntries(
    (Object.entries(value) as [string, unknown][]).map(([key, item]) => [key, binariesOf(item)]),
  );
}

const binariesOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? withBinaries(value) : value;

/** Whether bytes may be a document: it begins with its length and ends with a zero. */
function isDocument(bytes: Uint8Array): boolean {
  const { length } = bytes;
  return length >= 5 && bytes[length - 1] === 0 && int32(bytes, 0) === length;
}

/** Serializes a command, which may be larger than any document because its lists travel next to it. */
function serializeCommand(command: Document): Uint8Array {
  const large = Object.values(command).some((value) => Array.isArray(value) && value.length > 1);
  if (!large) return BSON.serialize(command);
  const size = BSON.calculateObjectSize(command);
  if (size > BUFFER_BYTES) BSON.setInternalBufferSize(size);
  return BSON.serialize(command);
}

/** Keys of a command that hold documents of the application. */
const OWN_DOCUMENTS = new Set([
  'documents',
  'filter',
  'query',
  'pipeline',
  'q',
  'u',
  'document',
  'updateMods',
]);

/**
 * Returns the paths of the Maps in a command. The driver makes Maps of specifications whose order matters (`sort`, the
 * keys of an index), and a listener sees them. They are fields of the command, or of the items of its lists.
 */
function mapsMadeByDriver(command: object): string[][] {
  const paths: string[][] = [];
  const look = (at: object, path: string[], depth: number): void => {
    for (const [key, value] of Object.entries(at) as [string, unknown][]) {
      if (typeof value !== 'object' || value === null || OWN_DOCUMENTS.has(key)) continue;
      if (types.isMap(value)) paths.push([...path, key]);
      else if (depth > 0 && !('_bsontype' in value)) look(value, [...path, key], depth - 1);
    }
  };
  look(command, [], 2);
  return paths;
}
