import type { Document } from 'mongodb';

import type { DecodeOptions, Promotion } from './decode-options';
import { Kind, type ShapeDefinition, type TapeChunk } from './format';
import { sampleOf } from './kept-alive';
import { mayCompile } from './made-function';
import { compiledReader } from './shape-compiler';
import { interpretedReader } from './shape-interpreter';
import { TapeCursor, type ReaderTable, type ShapeReader, type TableOf } from './tape-cursor';

export interface TapeDecoderOptions {
  /** Documents of a shape that are interpreted before it is compiled. */
  compileAfter?: number;
  /** Whether readers may be compiled at all. Default: whether the process allows it. */
  compile?: boolean;
}

/** Readers that come to be compiled within one another and leave a sample each: it is read twice, and takes stack. */
const DEEPEST_SAMPLE = 8;

/** Gives documents, one after the other. */
export interface DocumentReader {
  /** How many documents are left. */
  readonly length: number;
  /** Whether all were read, and no document looks into the chunk's buffer. */
  readonly isSpent: boolean;
  /**
   * The next document. Throws what BSON.deserialize throws for it, and is then past it; throws a RangeError
   * when none is left.
   */
  next(): Document;
  /** Appends up to `max` documents to `target` and gives their number. */
  readInto(target: Document[], max: number): number;
}

/** Reads the documents of one chunk. */
export interface TapeReader extends DocumentReader {
  /** Other options for the documents that are left: where one chunk answers several calls. */
  use(options: DecodeOptions): void;
}

/** Turns tape into documents, on the main thread. One for each worker, since shape ids are a worker's own. */
export class TapeDecoder {
  readonly #shapes = new Map<number, ShapeDefinition>();
  readonly #texts: (string | undefined)[] = [];
  readonly #tables: Readers[] = [];
  readonly #compileAfter: number;

  constructor({ compileAfter = 16, compile = mayCompile }: TapeDecoderOptions = {}) {
    this.#compileAfter = compile ? compileAfter : Infinity;
  }

  /**
   * Takes note of the shapes and strings that a chunk defines. `open` does so; a chunk that arrives and is not opened must
   * be given to this, since its channel will not be sent them again.
   */
  learn(chunk: TapeChunk): void {
    for (const shape of chunk.shapes ?? []) this.#shapes.set(shape.id, shape);
    for (const { number, text } of chunk.texts ?? []) {
      // An array with gaps would become slow to read.
      while (this.#texts.length < number) this.#texts.push(undefined);
      this.#texts[number] = text;
    }
  }

  open(chunk: TapeChunk, options: DecodeOptions): TapeReader {
    this.learn(chunk);
    const cursor = new TapeCursor(chunk.buffer, this.#texts);
    const tableOf: TableOf = (promotion) =>
      (this.#tables[promotion.variant] ??= new Readers(
        this.#shapes,
        promotion,
        this.#compileAfter,
      ));
    cursor.setOptions(options, tableOf);
    return new ChunkReader(cursor, tableOf);
  }
}

class ChunkReader implements TapeReader {
  length: number;
  readonly #cursor: TapeCursor;
  readonly #tableOf: TableOf;

  constructor(cursor: TapeCursor, tableOf: TableOf) {
    this.#cursor = cursor;
    this.#tableOf = tableOf;
    this.length = cursor.documents;
  }

  get isSpent(): boolean {
    return this.length === 0 && !this.#cursor.isKept;
  }

  use(options: DecodeOptions): void {
    this.#cursor.setOptions(options, this.#tableOf);
  }

  next(): Document {
    if (this.length === 0) throw new RangeError('The chunk holds no more documents');
    this.length--;
    return this.#cursor.nextDocument();
  }

  readInto(target: Document[], max: number): number {
    const count = Math.min(max, this.length);
    const cursor = this.#cursor;
    for (let left = count; left > 0; left--) {
      this.length--;
      target.push(cursor.nextDocument());
    }
    return count;
  }
}

/** The readers of all shapes for one variant of the options. Each is interpreted first, compiled when used. */
class Readers implements ReaderTable {
  readonly readers: ShapeReader[] = [];
  readonly #shapes: ReadonlyMap<number, ShapeDefinition>;
  readonly #promotion: Promotion;
  readonly #compileAfter: number;
  /** A document of each shape, kept alive for V8's sake. */
  readonly #samples: Document[] = [];
  /** Samples being read within one another, where documents lie in documents. */
  #sampling = 0;

  constructor(
    shapes: ReadonlyMap<number, ShapeDefinition>,
    promotion: Promotion,
    compileAfter: number,
  ) {
    this.#shapes = shapes;
    this.#promotion = promotion;
    this.#compileAfter = compileAfter;
  }

  add(id: number): ShapeReader {
    const shape = this.#shapes.get(id);
    if (shape === undefined)
      throw new Error(`The chunk uses shape ${id}, which its channel was never sent`);
    while (this.readers.length < id) this.readers.push(undefined as unknown as ShapeReader);
    return (this.readers[id] = this.#young(shape));
  }

  #young(shape: ShapeDefinition): ShapeReader {
    const interpret = interpretedReader(shape);
    let uses = 0;
    return (cursor) => {
      if (++uses > this.#compileAfter) {
        const compiled = compiledReader(shape, this.#promotion);
        this.readers[shape.id] = compiled;
        // A lazy field keeps its chunk: such a document is not one to keep.
        if (!shape.kinds.includes(Kind.Lazy)) this.#keepSample(compiled, cursor);
        return compiled(cursor);
      }
      return interpret(cursor);
    };
  }

  #keepSample(reader: ShapeReader, cursor: TapeCursor): void {
    if (this.#sampling === DEEPEST_SAMPLE) return;
    this.#sampling++;
    try {
      this.#samples.push(sampleOf(reader, cursor));
    } finally {
      this.#sampling--;
    }
  }
}
