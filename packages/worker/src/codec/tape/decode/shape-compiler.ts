import { Double, Int32, ObjectId } from 'mongodb';

import type { Promotion } from '../format/decode-options';
import { Kind, Lazy, NULL_BOOLEAN, REPEATED, type ShapeDefinition } from '../format/format';
import { dataProperty, lazyProperty, setLazyFields } from './lazy-fields';
import { makeFunction } from '../../bson/made-function';
import { copyObjectId, readsInPlace } from '../../bson/object-id';
import { SLICED_FROM, type ShapeReader } from './tape-cursor';

const RUNTIME = {
  ObjectId,
  copyObjectId,
  Int32,
  Double,
  define: Object.defineProperty,
  dataProperty,
  lazyProperty,
  setLazyFields,
};

/**
 * Compiles a reader of one shape: a function that returns an object literal, so that V8 gives all documents of the
 * shape one hidden class. As far as the shape fixes them, positions are local variables plus constants. For a value of
 * unknown size, the function writes them back to the cursor. Keys are the only outside text in the code, and appear
 * only as JSON.
 */
export function compiledReader(shape: ShapeDefinition, promotion: Promotion): ShapeReader {
  const source = new ReaderSource(promotion);
  const body = shape.kinds.includes(Kind.Lazy) ? source.writeLazy(shape) : source.write(shape);
  return makeFunction<ShapeReader>('runtime', body)(RUNTIME);
}

const PROLOGUE = `'use strict';
const { ObjectId, copyObjectId, Int32, Double, define, dataProperty, lazyProperty, setLazyFields } = runtime;`;

const LOCALS = `const I = c.ints, F = c.doubles, B = c.bytes, S = c.narrow, T = c.texts, t = c.narrowStart;
  let i = c.intAt, f = c.doubleAt, b = c.byteAt, s = c.narrowAt, n = 0, v;`;

class ReaderSource {
  readonly #promotion: Promotion;
  /** How far the sections have been read beyond the positions in the locals. */
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
    return `${PROLOGUE}
return function (c) {
  ${LOCALS}
  const document = ${literal.slice(0, -1)};
  ${this.#epilogue()}
  return document;
};`;
  }

  /**
   * Returns the code for a document with lazy fields. A literal cannot hold their shared accessors. A constructor can,
   * and V8 counts its assignments to predict the size of the object.
   */
  writeLazy({ kinds, keys }: ShapeDefinition): string {
    const lazy: string[] = [];
    let statements = '';
    let key = 0;
    /** Number of open literals, and the text that ends the statement around them. */
    let depth = 0;
    let close = '';
    // The last kind is the end of the document itself.
    for (const kind of kinds.slice(0, -1)) {
      if (kind === Kind.End) {
        statements += --depth === 0 ? `}${close}` : '},';
        continue;
      }
      const name = keys[key++];
      const value = kind === Kind.Lazy ? '' : kind === Kind.Document ? '{' : this.#value(kind);
      if (kind === Kind.Lazy) {
        lazy.push(name);
        statements += `const ${this.#skip(lazy.length)};define(this, ${JSON.stringify(name)}, lazy[${lazy.length}]);\n`;
      } else if (depth > 0) {
        statements += `${propertyName(name)}:${value}`;
        if (kind !== Kind.Document) statements += ',';
      } else {
        const [before, after] = assignment(name);
        statements += before + value;
        if (kind !== Kind.Document) statements += after;
        close = after;
      }
      if (kind === Kind.Document) depth++;
    }
    const places = lazy.map((_, at) => `at${at + 1}`).join(', ');
    return `${PROLOGUE}
const lazy = [, ${lazy.map((name, at) => `lazyProperty(${at + 1}, ${JSON.stringify(name)})`).join(', ')}];
function Document(c) {
  ${LOCALS}
  ${statements}
  ${this.#epilogue()}
  setLazyFields(this, [c.lazySource(), ${places}]);
}
Document.prototype = Object.prototype;
return (c) => new Document(c);`;
  }

  #epilogue(): string {
    return `c.intAt = i + ${this.#ints}; c.doubleAt = f + ${this.#doubles}; c.byteAt = b + ${this.#bytes}; c.narrowAt = s;`;
  }

  #value(kind: number): string {
    switch (kind) {
      case Kind.Double:
        return this.#promotion.wrapNumbers ? `new Double(${this.#double()})` : this.#double();
      case Kind.String:
        return `(n = ${this.#int()}) >= 0 ? ${this.#narrow()} : n < ${REPEATED} ? T[${REPEATED} - n] ?? c.unknownText(n) : c.otherString(n)`;
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

  /** Returns the code for an array. Many arrays are empty; for these, the positions stay in the locals. */
  #array(): string {
    const count = this.#int();
    const toCursor = this.#toCursor();
    return `(n = ${count}, ${toCursor}, n === 0) ? [] : ${this.#fromCursor('c.elements(n)')}`;
  }

  /** Returns the code that skips a lazy field and declares a variable for its position. */
  #skip(field: number): string {
    const at = `at${field}`;
    const places = `${at} = i + ${this.#ints}`;
    const move = `i = I[${at} + ${Lazy.IntEnd}], f = I[${at} + ${Lazy.DoubleEnd}], b = c.byteBase + I[${at} + ${Lazy.ByteEnd}]`;
    this.#ints = this.#doubles = this.#bytes = 0;
    return `${places}; ${move}`;
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

/**
 * Returns the key as it appears in a literal. `__proto__: x` would set the prototype; the computed form creates a
 * property of that name.
 */
function propertyName(key: string): string {
  return key === '__proto__' ? '["__proto__"]' : JSON.stringify(key);
}

/**
 * Returns the code before and after a value that becomes a property. Names that Object.prototype has must not be
 * assigned.
 */
function assignment(key: string): [before: string, after: string] {
  const name = JSON.stringify(key);
  return key in Object.prototype
    ? [`define(this, ${name}, dataProperty(`, '));\n']
    : [`this[${name}] = `, ';\n'];
}
