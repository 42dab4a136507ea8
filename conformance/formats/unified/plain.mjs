import { types } from 'node:util';

/** Whether a value is a leaf of a document: a BSON type, a date, bytes, or not an object at all. */
export function isLeaf(value) {
  return (
    value === null ||
    typeof value !== 'object' ||
    typeof value._bsontype === 'string' ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    ArrayBuffer.isView(value)
  );
}

/**
 * What the server would see of a value: maps become documents, `toBSON` is called, and a field that is
 * undefined is not there. Both drivers hand out such values in events and results.
 */
export function plain(value) {
  if (isLeaf(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value.toBSON === 'function') return plain(value.toBSON());
  const entries = types.isMap(value) ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries.filter(([, field]) => field !== undefined).map(([key, field]) => [key, plain(field)]),
  );
}
