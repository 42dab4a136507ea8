import { types } from 'node:util';

/** How bson writes an object without a `_bsontype`. */
export type Kind = 'date' | 'bytes' | 'regexp' | 'document';

/** Returns how bson writes an object. bson decides by the class and by `Object.prototype.toString`. */
export function kindOf(value: object): Kind {
  const tag = Object.prototype.toString.call(value);
  if (value instanceof Date || tag === '[object Date]') return 'date';
  if (value instanceof Uint8Array || types.isUint8Array(value)) return 'bytes';
  if (value instanceof RegExp || tag === '[object RegExp]') return 'regexp';
  return 'document';
}
