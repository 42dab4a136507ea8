import { Double, Int32, ObjectId } from 'mongodb';

import type { Promotion } from './decode-options';
import { Kind, NULL_BOOLEAN, type ShapeDefinition } from './format';
import { makeFunction } from './made-function';
import { copyObjectId, readsInPlace } from './object-id';
import { SLICED_FROM, type ShapeReader } from './tape-cursor';

const RUNTIME = { ObjectId, copyObjectId, Int32, Double };

/**
 * A reader of one shape: a function that returns an object literal, so that V8 gives all documents of the
 * shape one hidden class. Positions are locals plus constants as far as the shape fixes them; a value of
 * unknown extent hands them back to the cursor. Keys are the only text from outside: always as JSON.
 */
export function compiledReader(shape: ShapeDefinition, promotion: Promotion): ShapeReader {
  const body = new ReaderSource(promotion).write(shape);
  return makeFunction<ShapeReader>('runtime', body)(RUNTIME);
}

class ReaderSource {
  readonly #promotion: Promotion;
  /** How far beyond the locals the sections have been read. */
  #ints = 0;
  #doubles = 0;
  #bytes = 0;

  constructor(promotion: Promotion) {
    this.#promotion = promotion;
  }

  write({ kinds, keys }: ShapeDefinition): string {
    let literal = '{';
    let key = 0;
    for (const kind of kinds) {
      if (kind === Kind.End) {
        literal += '},';
        continue;
      }
      literal += `${propertyName(keys[key++])}:`;
      literal += kind === Kind.Document ? '{' : `${this.#value(kind)},`;
    }
    return `'use strict';
const { ObjectId, copyObjectId, Int32, Double } = runtime;
return function (c) {
  const I = c.ints, F = c.doubles, B = c.bytes, S = c.narrow, t = c.narrowStart;
  let i = c.intAt, f = c.doubleAt, b = c.byteAt, s = c.narrowAt, n = 0, v;
  const document = ${literal.slice(0, -1)};
  c.intAt = i + ${this.#ints}; c.doubleAt = f + ${this.#doubles}; c.byteAt = b + ${this.#bytes}; c.narrowAt = s;
  return document;
};`;
  }

  #value(kind: number): string {
    switch (kind) {
      case Kind.Double:
        return this.#promotion.wrapNumbers ? `new Double(${this.#double()})` : this.#double();
      case Kind.String:
        return `(n = ${this.#int()}) >= 0 ? ${this.#narrow()} : c.otherString(n)`;
      case Kind.ObjectId:
        return readsInPlace
          ? `new ObjectId(B, ${this.#twelveBytes()})`
          : `copyObjectId(B, ${this.#twelveBytes()})`;
      case Kind.Boolean:
        return `(n = ${this.#int()}) === ${NULL_BOOLEAN} ? null : n === 1`;
      case Kind.Date:
        return `(n = ${this.#double()}) === n ? new Date(n) : null`;
      case Kind.Null:
        return 'null';
      case Kind.Int32:
        return this.#promotion.wrapNumbers ? `new Int32(${this.#int()})` : this.#int();
      case Kind.SafeInt64:
        return this.#promotion.longs === 'number' ? this.#double() : `c.longOf(${this.#double()})`;
      case Kind.Array:
        return this.#array();
      case Kind.Variant:
        return this.#handOver('c.readVariant()');
      default:
        return this.#handOver(`c.readValue(${kind})`);
    }
  }

  #narrow(): string {
    const slice = 'S.substring(s, s += n)';
    if (!this.#promotion.flatStrings) return slice;
    return `n < ${SLICED_FROM} ? ${slice} : B.latin1Slice(t + s, t + (s += n))`;
  }

  #int(): string {
    return `I[i + ${this.#ints++}]`;
  }

  #double(): string {
    return `F[f + ${this.#doubles++}]`;
  }

  #twelveBytes(): string {
    const offset = `b + ${this.#bytes}`;
    this.#bytes += 12;
    return offset;
  }

  /** Many arrays are empty: for those the positions stay in the locals. */
  #array(): string {
    const count = this.#int();
    const toCursor = this.#toCursor();
    return `(n = ${count}, ${toCursor}, n === 0) ? [] : ${this.#fromCursor('c.elements(n)')}`;
  }

  #handOver(call: string): string {
    return `(${this.#toCursor()}, ${this.#fromCursor(call)})`;
  }

  #toCursor(): string {
    const text = `c.intAt = i += ${this.#ints}, c.doubleAt = f += ${this.#doubles}, c.byteAt = b += ${this.#bytes}, c.narrowAt = s`;
    this.#ints = this.#doubles = this.#bytes = 0;
    return text;
  }

  #fromCursor(call: string): string {
    return `(v = ${call}, i = c.intAt, f = c.doubleAt, b = c.byteAt, s = c.narrowAt, v)`;
  }
}

/** In a literal, `__proto__: x` would set the prototype; the computed form makes a property of that name. */
function propertyName(key: string): string {
  return key === '__proto__' ? '["__proto__"]' : JSON.stringify(key);
}
