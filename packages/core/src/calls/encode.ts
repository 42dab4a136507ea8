import { BSON, type BSONSerializeOptions, type Document } from 'mongodb';

/** Positional arguments and options of a call, on their way into BSON. */
export interface CallParts {
  a?: unknown;
  b?: unknown;
  c?: unknown;
  o?: Document;
}

/**
 * The bytes of a call's arguments: one BSON document `{ a, b, c, o }`, encoded as the driver would
 * encode the arguments themselves. An argument that is undefined is absent.
 *
 * @throws BSONError, as the driver does, for what BSON cannot hold
 */
export function encodeCall(parts: CallParts, bson: BSONSerializeOptions): Uint8Array {
  // An argument that is undefined must stay so, whatever `ignoreUndefined` says of its inside.
  const root: CallParts = {};
  if (parts.a !== undefined) root.a = parts.a;
  if (parts.b !== undefined) root.b = parts.b;
  if (parts.c !== undefined) root.c = parts.c;
  if (parts.o !== undefined) root.o = parts.o;
  return BSON.serialize(root, serializing(bson));
}

/** A call whose first argument is a list of documents: each is a BSON document of its own behind the first. */
export function encodeListCall(
  documents: readonly Document[],
  options: Document | undefined,
  bson: BSONSerializeOptions,
): Uint8Array[] {
  const settings = serializing(bson);
  const root: Document = { n: documents.length };
  if (options !== undefined) root.o = options;
  const parts: Uint8Array[] = [BSON.serialize(root, settings)];
  for (const document of documents) parts.push(BSON.serialize(document, settings));
  return parts;
}

const settings: BSON.SerializeOptions[] = [];

function serializing({
  ignoreUndefined,
  serializeFunctions,
}: BSONSerializeOptions): BSON.SerializeOptions {
  const key = (ignoreUndefined === true ? 1 : 0) + (serializeFunctions === true ? 2 : 0);
  return (settings[key] ??= {
    ignoreUndefined: ignoreUndefined === true,
    serializeFunctions: serializeFunctions === true,
  });
}
