import type { Document } from 'mongodb';

import type { Promotion } from '../format/decode-options';
import { Kind, type ShapeDefinition, type TapeChunk } from '../format/format';
import { sampleOf } from './kept-alive';
import { mayCompile } from '../../bson/made-function';
import { compiledReader } from './shape-compiler';
import { interpretedReader } from './shape-interpreter';
import type { ReaderTable, ShapeReader, TableOf, TapeCursor } from './tape-cursor';

/** When and whether a decoder compiles its readers. */
export interface TapeDecoderOptions {
  /** Number of documents of a shape that are interpreted before its reader is compiled. */
  compileAfter?: number;
  /** Whether readers may be compiled at all. Default: whether the process allows it. */
  compile?: boolean;
}

/**
 * Most nested readers that create a sample while they are compiled. Each sample is read a second time and takes stack.
 */
const DEEPEST_SAMPLE = 8;
/** Most readers for one variant of the options. A worker has at most this number of shapes at a time. */
const MOST_READERS = 2_000;

/** The state that the channels of one worker share: its newest epoch, and the readers that outlive epochs. */
export class SharedReaders {
  readonly #compileAfter: number;
  readonly #kept: KeptReaders[] = [];
  #newest = this.#epochOf(0);

  constructor({ compileAfter = 16, compile = mayCompile }: TapeDecoderOptions) {
    this.#compileAfter = compile ? compileAfter : Infinity;
  }

  get newest(): Epoch {
    return this.#newest;
  }

  /**
   * Returns the epoch with this number. A channel that reaches an epoch after the others have moved on gets one of its
   * own, because it receives all the definitions that it needs.
   */
  epoch(number: number): Epoch {
    if (this.#newest.number === number) return this.#newest;
    const epoch = this.#epochOf(number);
    if (number > this.#newest.number) this.#newest = epoch;
    return epoch;
  }

  #epochOf(number: number): Epoch {
    return new Epoch(number, (promotion) => this.#keptFor(promotion));
  }

  #keptFor(promotion: Promotion): KeptReaders {
    return (this.#kept[promotion.variant] ??= new KeptReaders(promotion, this.#compileAfter));
  }
}

/**
 * The numbering of shapes and strings. It lives as long as a channel is in it or a document has unread fields. Nothing
 * else marks its end.
 */
export class Epoch {
  readonly number: number;
  readonly texts: (string | undefined)[] = [];
  readonly #shapes = new Map<number, ShapeDefinition>();
  readonly #tables: Table[] = [];
  readonly tableOf: TableOf;

  constructor(number: number, keptFor: (promotion: Promotion) => KeptReaders) {
    this.number = number;
    this.tableOf = (promotion) =>
      (this.#tables[promotion.variant] ??= new Table(this.#shapes, keptFor(promotion)));
  }

  learn({ shapes = [], texts = [] }: TapeChunk): void {
    for (const shape of shapes) this.#shapes.set(shape.id, shape);
    for (const { number, text } of texts) {
      // An array with gaps would become slow to read.
      while (this.texts.length < number) this.texts.push(undefined);
      this.texts[number] = text;
    }
  }
}

/** The readers of an epoch's shapes, for one variant of the options. */
class Table implements ReaderTable {
  readonly readers: ShapeReader[] = [];
  readonly #shapes: ReadonlyMap<number, ShapeDefinition>;
  readonly #kept: KeptReaders;

  constructor(shapes: ReadonlyMap<number, ShapeDefinition>, kept: KeptReaders) {
    this.#shapes = shapes;
    this.#kept = kept;
  }

  add(id: number): ShapeReader {
    const shape = this.#shapes.get(id);
    if (shape === undefined)
      throw new Error(
        `The chunk uses shape ${id}, but its channel has not received the definition`,
      );
    while (this.readers.length < id) this.readers.push(undefined as unknown as ShapeReader);
    const reader = this.#kept.reader(shape);
    if (reader.compiled !== undefined) return (this.readers[id] = reader.compiled);
    return (this.readers[id] = (cursor) => {
      const read = this.#kept.next(reader, cursor);
      if (reader.compiled !== undefined) this.readers[id] = reader.compiled;
      return read(cursor);
    });
  }
}

/** Reads documents of a shape: first by following its definition, later with a compiled function if that pays. */
interface Reader {
  readonly shape: ShapeDefinition;
  readonly interpret: ShapeReader;
  uses: number;
  compiled?: ShapeReader;
  /** A document of the shape, kept alive so that V8 keeps its hidden class. */
  sample?: Document;
}

/**
 * Readers by the serial numbers of their shapes, for one variant of the options. A shape keeps its reader in the next
 * epoch. There are two generations: the older one is dropped when the newer one is full.
 */
class KeptReaders {
  readonly #promotion: Promotion;
  readonly #compileAfter: number;
  #newer = new Map<number, Reader>();
  #older = new Map<number, Reader>();
  /** Number of samples being read inside one another, for nested documents. */
  #sampling = 0;

  constructor(promotion: Promotion, compileAfter: number) {
    this.#promotion = promotion;
    this.#compileAfter = compileAfter;
  }

  reader(shape: ShapeDefinition): Reader {
    const known = this.#newer.get(shape.serial);
    if (known !== undefined) return known;
    const reader = this.#older.get(shape.serial) ?? {
      shape,
      interpret: interpretedReader(shape),
      uses: 0,
    };
    if (this.#newer.size === MOST_READERS) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(shape.serial, reader);
    return reader;
  }

  /** Returns the reader for the shape's next document, which is the one at the cursor. */
  next(reader: Reader, cursor: TapeCursor): ShapeReader {
    if (reader.compiled !== undefined) return reader.compiled;
    if (++reader.uses <= this.#compileAfter) return reader.interpret;
    reader.compiled = compiledReader(reader.shape, this.#promotion);
    // A lazy field keeps its chunk alive, so such a document must not be kept.
    if (!reader.shape.kinds.includes(Kind.Lazy)) this.#keepSample(reader, cursor);
    return reader.compiled;
  }

  #keepSample(reader: Reader, cursor: TapeCursor): void {
    if (this.#sampling === DEEPEST_SAMPLE) return;
    this.#sampling++;
    try {
      reader.sample = sampleOf(reader.compiled!, cursor);
    } finally {
      this.#sampling--;
    }
  }
}
