import type { Document } from 'mongodb';

import type { Promotion } from './decode-options';
import { Kind, type ShapeDefinition, type TapeChunk } from './format';
import { sampleOf } from './kept-alive';
import { mayCompile } from './made-function';
import { compiledReader } from './shape-compiler';
import { interpretedReader } from './shape-interpreter';
import type { ReaderTable, ShapeReader, TableOf, TapeCursor } from './tape-cursor';

export interface TapeDecoderOptions {
  /** Documents of a shape that are interpreted before it is compiled. */
  compileAfter?: number;
  /** Whether readers may be compiled at all. Default: whether the process allows it. */
  compile?: boolean;
}

/** Readers that come to be compiled within one another and leave a sample each: it is read twice, and takes stack. */
const DEEPEST_SAMPLE = 8;
/** Readers of one variant of the options. A worker has no more shapes than this at a time. */
const MOST_READERS = 2_000;

/** What the channels of one worker share: its newest epoch, and the readers that outlive epochs. */
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
   * The epoch of that number. A channel that comes late to one that is not the newest any more gets one of its own: it is
   * sent all definitions that it needs.
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
 * The meaning of shapes' and strings' numbers. It lives for as long as a channel is in it or a document has fields that
 * were not read: there is nothing that says when an epoch is over.
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
      throw new Error(`The chunk uses shape ${id}, which its channel was never sent`);
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

/** How documents of a shape are read: by following its definition at first, by a compiled function when that is worth it. */
interface Reader {
  readonly shape: ShapeDefinition;
  readonly interpret: ShapeReader;
  uses: number;
  compiled?: ShapeReader;
  /** A document of the shape, kept alive for V8's sake. */
  sample?: Document;
}

/**
 * Readers by their shapes' serial numbers, for one variant of the options: a shape keeps its reader in the next epoch.
 * Bounded by two generations, of which the older one goes when the newer one is full.
 */
class KeptReaders {
  readonly #promotion: Promotion;
  readonly #compileAfter: number;
  #newer = new Map<number, Reader>();
  #older = new Map<number, Reader>();
  /** Samples being read within one another, where documents lie in documents. */
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

  /** What reads the next document of the shape, which is the next that the cursor has. */
  next(reader: Reader, cursor: TapeCursor): ShapeReader {
    if (reader.compiled !== undefined) return reader.compiled;
    if (++reader.uses <= this.#compileAfter) return reader.interpret;
    reader.compiled = compiledReader(reader.shape, this.#promotion);
    // A lazy field keeps its chunk: such a document is not one to keep.
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
