import { types } from 'node:util';

import { Binary, BSON, type Document } from 'mongodb';

import { isAbortMessage, isAbortReason } from '../abort';
import { reencodeRaw } from '../codec';
import { isError, packError } from '../errors';
import { replyBytes } from '../driver';
import { currentCall } from './call-context';
import type { Happening, PackedProperty } from '../protocol';

/** bson's own buffer for serializing; what may be larger says so. */
const BUFFER_BYTES = 16 * 1024 * 1024;

/** Something that happened, and the documents that belong to it, in the order of its properties. */
export interface Packed {
  happening: Happening;
  documents: Uint8Array[];
}

/** What is known of a happening before its properties. */
type Heading = Pick<Happening, 'type' | 'client' | 'name' | 'pool'>;

/** Packs an event of the driver's, or a line of its log, with the call that caused it. */
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
    // An event without this property is better than an exception in the midst of the driver.
    return { is: 'plain', value: undefined };
  }
}

/** The bytes that arrived, or an encoding of a reply that the driver made up. */
function bytesOfReply(reply: object, raw: boolean): Uint8Array {
  const sent = replyBytes(reply);
  if (sent?.whole === true) return Uint8Array.from(sent.bytes);
  return raw ? rawReply(reply) : BSON.serialize(reply);
}

/** The bytes of a reply that was decoded with `raw: true`. */
export function rawReply(reply: object): Uint8Array {
  return reencodeRaw(withBinaries(reply));
}

/**
 * A reply that was decoded with `raw: true` has documents as their bytes, and with `promoteBuffers`
 * the few binaries that the server puts around the documents as bytes too: these become Binary again.
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

/** A document begins with its length and ends with a zero. */
function isDocument(bytes: Uint8Array): boolean {
  const { length } = bytes;
  if (length < 5 || bytes[length - 1] !== 0) return false;
  return (bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24)) === length;
}

/** Lists in a command travel beside it, so that it may be larger than any document. */
function serializeCommand(command: Document): Uint8Array {
  const large = Object.values(command).some((value) => Array.isArray(value) && value.length > 1);
  if (!large) return BSON.serialize(command);
  const size = BSON.calculateObjectSize(command);
  if (size > BUFFER_BYTES) BSON.setInternalBufferSize(size);
  return BSON.serialize(command);
}

/** Keys under which a program's own documents stand. */
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
 * The driver makes Maps of some specifications whose order matters (`sort`, the keys of an index), and
 * a listener sees those. They stand at the top of a command, or in the items of a list at its top.
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
