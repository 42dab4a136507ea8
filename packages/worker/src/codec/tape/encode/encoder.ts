import { isAscii } from 'node:buffer';

import type { EncodeMode } from '../format/decode-options';
import {
  Kind,
  Lazy,
  LAZY_INTS,
  MOST_LAZY,
  NULL_ARRAY,
  NULL_BOOLEAN,
  NULL_STRING,
  RAW_SHAPE,
  REPEATED,
  type TapeChunk,
} from '../format/format';
import { copyBytes, endOfRareValue, isReadable, wrapValue, WRAPPER_BYTES } from './bson-fallback';
import { mayRepeat, RepeatedStrings, scored, WORST_SCORE } from './repeated-strings';
import { Sections } from './sections';
import { ShapeTable, type ShapeLimits } from './shape-table';
import { isNullable, KIND_OF_TYPE, ShapeTrie, widened } from './shape-trie';
import { NodeField } from './trie-nodes';
import { ChunkReferences } from './chunk-references';
import { INVALID_UTF8, writeUtf8 } from './utf8';
import { isWellFormed } from './well-formed';

export interface TapeEncoderOptions extends Partial<ShapeLimits> {
  /**
   * Approximate number of characters that share one decoded string on main. This bounds what a kept document keeps
   * alive.
   */
  blockSize?: number;
  /** Size in bytes of BSON from which a nested document or array of a lazy document becomes a lazy field. */
  lazyFrom?: number;
}

const { FirstChild, NextSibling, Kind: KIND, Length, Key, Aux } = NodeField;

/** Results of a walk other than a shape id. COLD: the shape has not been seen often enough yet. */
const COLD = 0;
/** No shape can describe the document: a key starts with '$', it is nested too deeply, or the trie is full. */
const UNFIT = -1;
/** The bytes are not a valid BSON document. */
const MALFORMED = -2;

const MAX_DEPTH = 100;
const NON_ASCII = 0x80808080 | 0;
/** From this length on, native copying and checking is faster. */
const LONG_STRING = 512;
const TWO_POW_32 = 4294967296;
/** Fraction of `maxShapes` that is kept when shapes are forgotten. */
const KEPT_SHAPES = 0.5;
/** Largest fraction of `maxNodes` that a trie keeps when shapes are forgotten. */
const KEPT_NODES = 0.5;
/** If most slots for repeated strings are taken, the strings are forgotten after this number of documents. */
const DOCUMENTS_BETWEEN_STRINGS = 500_000;

/**
 * Encodes BSON documents into tape (see format.ts), in the worker. It walks each document once, along the trie of the
 * shapes seen so far, and writes its values on the way. If no shape can describe the document, it takes these values
 * back and writes the document's BSON instead. Invalid bytes never throw here: the document crosses unchanged, and
 * BSON.deserialize reports the error on main.
 *
 * The class is in one file because the walk shares its state with everything that it calls. Code that is not on the hot
 * path is in shape-trie.ts, sections.ts, utf8.ts and bson-fallback.ts.
 */
export class TapeEncoder {
  /** The trie in use. Lazy documents have shapes of their own. */
  #trie: ShapeTrie;
  readonly #eagerTrie: ShapeTrie;
  #lazyTrie: ShapeTrie | undefined;
  readonly #sections = new Sections();
  readonly #blockSize: number;
  readonly #lazyFrom: number;
  /** Size from which a field is lazy. Infinite for a document that is not lazy. */
  #lazySize = Infinity;
  #lazyFields = 0;
  readonly #table: ShapeTable;
  #repeated = new RepeatedStrings();
  /** The numbering of the shapes and strings in the current chunk. */
  #epoch = 0;
  /** The definitions sent in this epoch on each channel. Sending one twice does no harm. */
  #sent = new WeakMap<object, { shapes: Set<number>; texts: Set<number> }>();
  /** Ends of the documents around the walk's position, and the edges that led into them. */
  readonly #ends = new Int32Array(2 * MAX_DEPTH + 2);
  readonly #edges = new Int32Array(2 * MAX_DEPTH + 2);

  #source: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#source.buffer);
  #depth = 0;
  #documentEnd = 0;

  /** Number of documents written so far. */
  #documents = 0;
  #documentsAtStrings = 0;
  #count = 0;
  #byteLength = 0;
  #blocks: number[] = [];
  #blockDocuments = 0;
  #blockNarrow = 0;
  #blockWide = 0;
  /** The shapes and strings that the current chunk uses. */
  #shapes = new ChunkReferences();
  #texts = new ChunkReferences();

  constructor(options: TapeEncoderOptions = {}) {
    this.#blockSize = options.blockSize ?? 32_768;
    this.#lazyFrom = options.lazyFrom ?? 1_024;
    this.#table = new ShapeTable({
      hotAfter: options.hotAfter ?? 4,
      maxShapes: options.maxShapes ?? 2_000,
      maxNodes: options.maxNodes ?? 50_000,
    });
    this.#trie = this.#eagerTrie = new ShapeTrie(this.#table);
  }

  /** Documents written since the last `take`. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of BSON written since the last `take`. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Number of shapes and trie nodes, which bound the encoder's memory. */
  get size(): { shapes: number; nodes: number } {
    const nodes = this.#eagerTrie.nodeCount + (this.#lazyTrie?.nodeCount ?? 0);
    return { shapes: this.#table.size, nodes };
  }

  /**
   * Adds the document in `bytes` from `start` to `end`.
   *
   * @param mode - `raw` if main needs the bytes themselves: see `encodeModeOf`
   */
  write(bytes: Uint8Array, start: number, end: number, mode: EncodeMode = 'tape'): void {
    if (this.#source.buffer !== bytes.buffer) {
      this.#source = new Uint8Array(bytes.buffer);
      this.#view = new DataView(bytes.buffer);
    }
    const from = bytes.byteOffset + start;
    const to = bytes.byteOffset + end;
    const size = to - from;
    this.#count++;
    this.#documents++;
    this.#byteLength += size;
    const sections = this.#sections;
    sections.reserve(size);
    const { doubleCount, intCount, wideCount, narrowCount, byteCount } = sections;
    sections.intCount++;
    let shape = UNFIT;
    if (
      mode !== 'raw' &&
      size >= 5 &&
      this.#view.getInt32(from, true) === size &&
      this.#source[to - 1] === 0
    ) {
      this.#useTrie(mode === 'lazy');
      if (this.#trie.wantsPrune(this.#documents)) this.#trie.prune(this.#documents);
      this.#depth = 0;
      this.#documentEnd = to;
      shape = this.#walk(from + 4, to - 1, this.#trie.root);
    }
    if (shape > 0) {
      sections.ints[intCount] = shape;
    } else {
      sections.doubleCount = doubleCount;
      sections.wideCount = wideCount;
      sections.narrowCount = narrowCount;
      sections.byteCount = byteCount;
      sections.ints[intCount] = RAW_SHAPE;
      sections.ints[intCount + 1] = size;
      sections.intCount = intCount + 2;
      sections.reserveBytes(size);
      sections.bytes.set(this.#source.subarray(from, to), byteCount);
      sections.byteCount += size;
    }
    this.#closeBlockBefore(narrowCount, wideCount);
    this.#blockDocuments++;
  }

  #useTrie(lazy: boolean): void {
    this.#lazyFields = 0;
    this.#lazySize = lazy ? this.#lazyFrom : Infinity;
    this.#trie = lazy ? (this.#lazyTrie ??= new ShapeTrie(this.#table)) : this.#eagerTrie;
  }

  /** Ends the block before a document that would make it too large. A larger document gets a block of its own. */
  #closeBlockBefore(narrow: number, wide: number): void {
    const { narrowCount, wideCount } = this.#sections;
    const filled = narrowCount - this.#blockNarrow + (wideCount - this.#blockWide);
    if (filled > this.#blockSize && this.#blockDocuments > 0) this.#closeBlock(narrow, wide);
  }

  #closeBlock(narrow: number, wide: number): void {
    this.#blocks.push(this.#blockDocuments, narrow - this.#blockNarrow, wide - this.#blockWide);
    this.#blockDocuments = 0;
    this.#blockNarrow = narrow;
    this.#blockWide = wide;
  }

  /**
   * Returns the chunk so far, to be transferred, and starts a new one.
   *
   * @param channel - stands for the MessagePort on which the chunk will be sent. The chunk defines each shape that it
   *   uses, unless an earlier chunk on that channel did.
   */
  take(channel: object): TapeChunk {
    this.#closeBlock(this.#sections.narrowCount, this.#sections.wideCount);
    const count = this.#count;
    const chunk: TapeChunk = { buffer: this.#sections.pack(count, this.#blocks), count };
    if (this.#epoch > 0) chunk.epoch = this.#epoch;
    this.#define(chunk, channel);
    this.#blocks = [];
    this.#blockDocuments = this.#blockNarrow = this.#blockWide = 0;
    this.#count = this.#byteLength = 0;
    this.#shapes.clear();
    this.#texts.clear();
    // The driver's reply may be large, so do not hold it until the next one arrives.
    this.#source = new Uint8Array(0);
    this.#view = new DataView(this.#source.buffer);
    this.#forgetWhatIsOld();
    return chunk;
  }

  /**
   * Forgets old shapes and strings if there are too many. It runs between two chunks, since the numbers that a chunk
   * uses must stay until the chunk is taken.
   */
  #forgetWhatIsOld(): void {
    const table = this.#table;
    const tries =
      this.#lazyTrie === undefined ? [this.#eagerTrie] : [this.#eagerTrie, this.#lazyTrie];
    const forgetsShapes = table.isFull(this.#documents) || tries.some((trie) => trie.isCrowded);
    const forgetsStrings =
      this.#repeated.isFull &&
      this.#documents - this.#documentsAtStrings > DOCUMENTS_BETWEEN_STRINGS;
    if (!forgetsShapes && !forgetsStrings) return;
    this.#epoch++;
    this.#sent = new WeakMap();
    if (forgetsStrings) {
      this.#documentsAtStrings = this.#documents;
      this.#repeated = new RepeatedStrings();
      this.#texts = new ChunkReferences();
    }
    if (!forgetsShapes) return;
    let kept = Math.floor(KEPT_SHAPES * table.limits.maxShapes);
    for (;;) {
      const renumbering = table.forget(this.#documents, kept, (id) => this.#shapes.lastUse(id));
      for (const trie of tries) trie.rebuild(renumbering.newId);
      this.#shapes.renumber(renumbering.moved);
      if (kept === 0 || !tries.some((trie) => trie.isFilled(KEPT_NODES))) return;
      kept = Math.min(kept, table.size) >> 1;
    }
  }

  /** Takes back the buffer of a chunk that was read, to reuse it for a later chunk. */
  recycle(buffer: ArrayBuffer): void {
    this.#sections.recycle(buffer);
  }

  /** Adds to a chunk the definitions that it uses and that its channel does not have. */
  #define(chunk: TapeChunk, channel: object): void {
    let sent = this.#sent.get(channel);
    if (sent === undefined) {
      this.#sent.set(channel, (sent = { shapes: new Set(), texts: new Set() }));
    }
    const shapes = this.#shapes.unsent(sent.shapes);
    if (shapes.length > 0) chunk.shapes = shapes.map((id) => this.#table.get(id));
    const texts = this.#texts.unsent(sent.texts);
    if (texts.length > 0) {
      chunk.texts = texts.map((number) => ({ number, text: this.#repeated.text(number) }));
    }
  }

  /**
   * Walks the elements from `at` to the terminator at `limit`, starting at the trie node `node`, and writes their
   * values. Returns the shape's id. If it returns COLD, UNFIT or MALFORMED, the caller must take back the written
   * values.
   */
  #walk(at: number, limit: number, node: number): number {
    const source = this.#source;
    const view = this.#view;
    const trie = this.#trie;
    const sections = this.#sections;
    const { ints, doubles } = sections;
    const ends = this.#ends;
    const edges = this.#edges;
    const bottom = this.#depth;
    let depth = bottom;
    let nodes = trie.nodes;
    let keys = trie.keys;

    for (;;) {
      const type = source[at];
      if (type === 0) {
        if (at !== limit) return MALFORMED;
        let end = nodes[node + FirstChild];
        if (end === 0 || nodes[end + KIND] !== Kind.End) {
          end = trie.end(node);
          if (end === 0) return UNFIT;
          nodes = trie.nodes;
        }
        if (depth === bottom) {
          const shape = nodes[end + Aux];
          if (shape > 0) return this.#shapes.add(shape);
          const reached = trie.reach(end);
          return reached > 0 ? this.#shapes.add(reached) : COLD;
        }
        depth--;
        at = limit + 1;
        limit = ends[depth];
        node = end;
        continue;
      }

      // Find the edge with this element's key. An edge's words end with its key's terminator. So a match proves where
      // the key ends, and reading cannot pass the document's end.
      let edge = nodes[node + FirstChild];
      let value = 0;
      for (; edge !== 0; edge = nodes[edge + NextSibling]) {
        const length = nodes[edge + Length];
        value = at + length;
        if (length === 0 || value > limit) continue;
        let key = nodes[edge + Key];
        if ((view.getInt32(at, true) & keys[key]) !== keys[key + 1]) continue;
        if (length > 4) {
          key += 2;
          const last = value - 4;
          let word = at + 4;
          while (word < last && view.getInt32(word, true) === keys[key]) {
            word += 4;
            key++;
          }
          if (word < last || view.getInt32(last, true) !== keys[key]) continue;
        }
        break;
      }
      if (edge === 0) {
        const kind = KIND_OF_TYPE[type];
        if (kind === 0) return MALFORMED;
        edge = trie.child(node, kind, source, at, limit);
        if (edge === 0) {
          // A nested document with ever-new or unusual keys: from now on it has a shape of its own, separate from the
          // document around it.
          if (depth > bottom) trie.replace(edges[depth - 1], Kind.Variant);
          return UNFIT;
        }
        nodes = trie.nodes;
        keys = trie.keys;
        value = at + nodes[edge + Length];
      }

      let kind = nodes[edge + KIND];
      if (kind !== type && kind !== Kind.Variant && kind !== Kind.Lazy) {
        kind = this.#kindAt(type, value, limit);
        if (kind === 0) return MALFORMED;
        const before = nodes[edge + KIND];
        if (kind !== before && !(kind === Kind.SafeInt64 && before === Kind.Int64)) {
          if (kind === Kind.Null && isNullable(before)) {
            this.#writeNull(before);
            node = edge;
            at = value;
            continue;
          }
          edge = trie.replace(edge, widened(before, kind));
          if (edge === 0) return UNFIT;
          nodes = trie.nodes;
        }
        kind = nodes[edge + KIND];
      }
      node = edge;

      switch (kind) {
        case 2: // String
          at =
            nodes[edge + Aux] <= WORST_SCORE
              ? this.#string(value, limit)
              : this.#fieldString(value, limit, nodes, edge);
          if (at < 0) return MALFORMED;
          break;
        case 16: // Int32
          at = value + 4;
          if (at > limit) return MALFORMED;
          ints[sections.intCount++] = view.getInt32(value, true);
          break;
        case 8: // Boolean
          at = value + 1;
          if (at > limit || source[value] > 1) return MALFORMED;
          ints[sections.intCount++] = source[value];
          break;
        case 10: // Null
          at = value;
          break;
        case 1: // Double
          at = value + 8;
          if (at > limit) return MALFORMED;
          doubles[sections.doubleCount++] = view.getFloat64(value, true);
          break;
        case 9: // Date
          at = value + 8;
          if (at > limit) return MALFORMED;
          doubles[sections.doubleCount++] =
            view.getInt32(value + 4, true) * TWO_POW_32 + view.getUint32(value, true);
          break;
        case 7: // ObjectId
          at = value + 12;
          if (at > limit) return MALFORMED;
          this.#fixedBytes(value, at);
          break;
        case 3: {
          // Document
          if (value + 5 > limit) return MALFORMED;
          const size = view.getInt32(value, true);
          at = value + size;
          if (size < 5 || size > limit - value || source[at - 1] !== 0) return MALFORMED;
          if (size >= this.#lazySize && depth === 0) {
            trie.replace(edge, Kind.Lazy);
            return UNFIT;
          }
          if (depth >= MAX_DEPTH || isReference(source, value, at)) {
            trie.replace(edge, Kind.Variant);
            return UNFIT;
          }
          ends[depth] = limit;
          edges[depth] = edge;
          depth++;
          limit = at - 1;
          at = value + 4;
          break;
        }
        case 4: // Array
          if (depth === 0 && value + 4 <= limit && view.getInt32(value, true) >= this.#lazySize) {
            trie.replace(edge, Kind.Lazy);
            return UNFIT;
          }
          this.#depth = depth;
          at = this.#array(value, limit, edge);
          if (at < 0) return at;
          nodes = trie.nodes;
          keys = trie.keys;
          break;
        case 18: {
          // SafeInt64
          at = value + 8;
          if (at > limit) return MALFORMED;
          const high = view.getInt32(value + 4, true);
          const low = view.getUint32(value, true);
          if (!isSafe(low, high)) {
            edge = trie.replace(edge, Kind.Int64);
            if (edge === 0) return UNFIT;
            nodes = trie.nodes;
            node = edge;
            ints[sections.intCount++] = low;
            ints[sections.intCount++] = high;
          } else {
            doubles[sections.doubleCount++] = high * TWO_POW_32 + low;
          }
          break;
        }
        case -3: {
          // Variant
          const element = this.#kindAt(type, value, limit);
          if (element === 0) return MALFORMED;
          ints[sections.intCount++] = element;
          this.#depth = depth;
          at = this.#element(element, type, value, limit, edge);
          if (at < 0) return at;
          nodes = trie.nodes;
          keys = trie.keys;
          break;
        }
        case -4: // Lazy
          if (++this.#lazyFields > MOST_LAZY) {
            trie.replace(edge, Kind.Variant);
            return UNFIT;
          }
          this.#depth = depth;
          at = this.#lazy(type, value, limit, edge);
          if (at < 0) return at;
          nodes = trie.nodes;
          keys = trie.keys;
          break;
        default:
          if (type === 5 && this.#kindAt(type, value, limit) !== kind) {
            trie.replace(edge, Kind.Variant);
            return UNFIT;
          }
          at = this.#scalar(kind, type, value, limit);
          if (at < 0) return MALFORMED;
      }
    }
  }

  /** Returns the kind of the value at `value`, or 0 if its type has none. */
  #kindAt(type: number, value: number, limit: number): number {
    const kind = KIND_OF_TYPE[type];
    switch (kind) {
      case 5: // A binary of subtype 2 contains a second length.
        return value + 5 <= limit && this.#source[value + 4] === 2 ? Kind.Rare : kind;
      case 3:
        return value + 6 <= limit && isReference(this.#source, value, limit) ? Kind.Rare : kind;
      case 18:
        if (value + 8 > limit) return 0;
        return isSafe(this.#view.getUint32(value, true), this.#view.getInt32(value + 4, true))
          ? kind
          : Kind.Int64;
      default:
        return kind;
    }
  }

  #writeNull(kind: number): void {
    const sections = this.#sections;
    if (kind === Kind.String) sections.ints[sections.intCount++] = NULL_STRING;
    else if (kind === Kind.Boolean) sections.ints[sections.intCount++] = NULL_BOOLEAN;
    else if (kind === Kind.Array) sections.ints[sections.intCount++] = NULL_ARRAY;
    else sections.doubles[sections.doubleCount++] = NaN;
  }

  /** Writes a field that main reads on first access: first the numbers needed to skip it, then its value. */
  #lazy(type: number, value: number, limit: number, edge: number): number {
    const kind = this.#kindAt(type, value, limit);
    if (kind === 0) return MALFORMED;
    const sections = this.#sections;
    const { ints, intCount: slot, doubleCount, narrowCount, wideCount, byteCount } = sections;
    sections.intCount += LAZY_INTS;
    ints[sections.intCount++] = kind;
    const end = this.#element(kind, type, value, limit, edge);
    if (end < 0) return end;
    const narrowStart = sections.byteCount;
    const wideStart = narrowStart + sections.narrowCount - narrowCount;
    // Text takes at most twice as much room in UTF-16 as in BSON.
    sections.reserveBytes(2 * (this.#documentEnd - value));
    sections.moveTextToBytes(narrowCount, wideCount);
    ints[slot + Lazy.IntEnd] = sections.intCount;
    ints[slot + Lazy.DoubleStart] = doubleCount;
    ints[slot + Lazy.DoubleEnd] = sections.doubleCount;
    ints[slot + Lazy.ByteStart] = byteCount;
    ints[slot + Lazy.NarrowStart] = narrowStart;
    ints[slot + Lazy.WideStart] = wideStart;
    ints[slot + Lazy.ByteEnd] = sections.byteCount;
    return end;
  }

  /** Writes a string of a field. If the string is a repeated one, writes its number. */
  #fieldString(value: number, limit: number, nodes: Int32Array, edge: number): number {
    const view = this.#view;
    if (value + 5 > limit) return MALFORMED;
    const length = view.getInt32(value, true) - 1;
    if (!mayRepeat(length)) return this.#string(value, limit);
    const start = value + 4;
    const end = start + length;
    if (length > limit - start - 1 || this.#source[end] !== 0) return MALFORMED;
    const repeated = this.#repeated;
    const number = repeated.numberOf(this.#source, view, start, length);
    nodes[edge + Aux] = scored(nodes[edge + Aux], repeated.matched);
    if (number === 0) return this.#string(value, limit);
    this.#sections.ints[this.#sections.intCount++] = REPEATED - this.#texts.add(number);
    return end + 1;
  }

  /** Writes a string. Like the methods below, it returns where the value ends, or MALFORMED. */
  #string(value: number, limit: number): number {
    const source = this.#source;
    const view = this.#view;
    const sections = this.#sections;
    if (value + 5 > limit) return MALFORMED;
    const length = view.getInt32(value, true) - 1;
    const start = value + 4;
    const end = start + length;
    if (length < 0 || length > limit - start - 1 || source[end] !== 0) return MALFORMED;
    if (length >= LONG_STRING) return this.#longString(start, end);
    const { narrowView } = sections;
    let to = sections.narrowCount;
    let seen = 0;
    if (length >= 4) {
      // The last word may overlap the one before it. This is cheaper than copying the remaining bytes one by one.
      const lastWord = end - 4;
      let at = start;
      for (; at < lastWord; at += 4, to += 4) {
        const word = view.getInt32(at, true);
        seen |= word;
        narrowView.setInt32(to, word, true);
      }
      const word = view.getInt32(lastWord, true);
      seen |= word;
      to += lastWord - at;
      narrowView.setInt32(to, word, true);
      to += 4;
    } else {
      const { narrow } = sections;
      for (let at = start; at < end; at++) {
        const byte = source[at];
        seen |= byte;
        narrow[to++] = byte;
      }
    }
    if ((seen & NON_ASCII) === 0) {
      sections.narrowCount = to;
      sections.ints[sections.intCount++] = length;
      return end + 1;
    }
    return this.#nonAscii(start, end);
  }

  #longString(start: number, end: number): number {
    const text = this.#source.subarray(start, end);
    if (!isAscii(text)) return this.#nonAscii(start, end);
    const sections = this.#sections;
    sections.narrow.set(text, sections.narrowCount);
    sections.narrowCount += end - start;
    sections.ints[sections.intCount++] = end - start;
    return end + 1;
  }

  #nonAscii(start: number, end: number): number {
    const slot = writeUtf8(this.#source, start, end, this.#sections);
    if (slot === INVALID_UTF8) return MALFORMED;
    this.#sections.ints[this.#sections.intCount++] = slot;
    return end + 1;
  }

  #fixedBytes(start: number, end: number): void {
    const source = this.#source;
    const sections = this.#sections;
    const { bytes } = sections;
    let to = sections.byteCount;
    for (let at = start; at < end; at++) bytes[to++] = source[at];
    sections.byteCount = to;
  }

  /** Writes a value of a kind that is too rare for the switch in `#walk` or `#element`. */
  #scalar(kind: number, type: number, value: number, limit: number): number {
    const view = this.#view;
    const sections = this.#sections;
    const { ints } = sections;
    switch (kind) {
      case 17: // Timestamp
      case -1: // Int64
        if (value + 8 > limit) return MALFORMED;
        ints[sections.intCount++] = view.getInt32(value, true);
        ints[sections.intCount++] = view.getInt32(value + 4, true);
        return value + 8;
      case 19: // Decimal128
        if (value + 16 > limit) return MALFORMED;
        this.#fixedBytes(value, value + 16);
        return value + 16;
      case 5: {
        // Binary
        if (value + 5 > limit) return MALFORMED;
        const length = view.getInt32(value, true);
        if (length < 0 || length > limit - value - 5) return MALFORMED;
        const start = value + 5;
        ints[sections.intCount++] = length;
        ints[sections.intCount++] = this.#source[value + 4];
        copyBytes(this.#source, start, start + length, sections.bytes, sections.byteCount);
        sections.byteCount += length;
        return start + length;
      }
      default:
        return this.#rare(type, value, limit, true);
    }
  }

  /** Leaves a value to BSON.deserialize on main. Returns MALFORMED if that would throw. */
  #rare(type: number, value: number, limit: number, mayThrow: boolean): number {
    const end = endOfRareValue(type, this.#source, value, limit);
    if (end < 0) return MALFORMED;
    const sections = this.#sections;
    const from = sections.byteCount;
    // The reserved room covers the document itself. The wrapper needs more.
    sections.reserveBytes(this.#documentEnd - value + WRAPPER_BYTES);
    const length = wrapValue(type, this.#source, value, end, sections.bytes, from);
    if (mayThrow && !(type === 3 && isWellFormed(this.#source, value, end))) {
      if (!isReadable(sections.bytes.subarray(from, from + length))) return MALFORMED;
    }
    sections.ints[sections.intCount++] = length;
    sections.byteCount = from + length;
    return end;
  }

  /** Writes a document that is an element, with a shape of its own. Without a shape, it crosses as a rare value. */
  #document(value: number, limit: number, holder: number): number {
    const view = this.#view;
    if (value + 5 > limit) return MALFORMED;
    const size = view.getInt32(value, true);
    const end = value + size;
    if (size < 5 || size > limit - value || this.#source[end - 1] !== 0) return MALFORMED;
    const sections = this.#sections;
    const { doubleCount, intCount, wideCount, narrowCount, byteCount } = sections;
    sections.intCount++;
    const root = this.#trie.elementRoot(holder);
    const depth = this.#depth;
    let shape = UNFIT;
    if (root !== 0 && depth < MAX_DEPTH) {
      this.#depth = depth + 1;
      shape = this.#walk(value + 4, end - 1, root);
      this.#depth = depth;
    }
    if (shape === MALFORMED) return MALFORMED;
    if (shape > 0) {
      sections.ints[intCount] = shape;
      return end;
    }
    sections.doubleCount = doubleCount;
    sections.wideCount = wideCount;
    sections.narrowCount = narrowCount;
    sections.byteCount = byteCount;
    sections.ints[intCount] = RAW_SHAPE;
    sections.intCount = intCount + 1;
    return this.#rare(3, value, limit, shape === UNFIT);
  }

  /** Writes a value whose kind is already written. */
  #element(kind: number, type: number, value: number, limit: number, holder: number): number {
    const sections = this.#sections;
    switch (kind) {
      case 2:
        return this.#string(value, limit);
      case 3:
        return this.#document(value, limit, holder);
      case 4: {
        const depth = this.#depth;
        if (depth >= MAX_DEPTH) return UNFIT;
        this.#depth = depth + 1;
        const end = this.#array(value, limit, holder);
        this.#depth = depth;
        return end;
      }
      case 16:
        if (value + 4 > limit) return MALFORMED;
        sections.ints[sections.intCount++] = this.#view.getInt32(value, true);
        return value + 4;
      case 1:
        if (value + 8 > limit) return MALFORMED;
        sections.doubles[sections.doubleCount++] = this.#view.getFloat64(value, true);
        return value + 8;
      case 9:
      case 18:
        if (value + 8 > limit) return MALFORMED;
        sections.doubles[sections.doubleCount++] =
          this.#view.getInt32(value + 4, true) * TWO_POW_32 + this.#view.getUint32(value, true);
        return value + 8;
      case 7:
        if (value + 12 > limit) return MALFORMED;
        this.#fixedBytes(value, value + 12);
        return value + 12;
      case 8:
        if (value + 1 > limit || this.#source[value] > 1) return MALFORMED;
        sections.ints[sections.intCount++] = this.#source[value];
        return value + 1;
      case 10:
        return value;
      default:
        return this.#scalar(kind, type, value, limit);
    }
  }

  /** Writes an array: its count, then runs of elements of one kind. Like bson, it ignores the keys. */
  #array(value: number, limit: number, holder: number): number {
    const source = this.#source;
    const sections = this.#sections;
    const { ints } = sections;
    if (value + 5 > limit) return MALFORMED;
    const size = this.#view.getInt32(value, true);
    const end = value + size - 1;
    if (size < 5 || size > limit - value || source[end] !== 0) return MALFORMED;
    const countSlot = sections.intCount++;
    let count = 0;
    let runKind: number = Kind.End;
    let runSlot = 0;
    let runStart = 0;
    let at = value + 4;
    while (at < end) {
      const type = source[at++];
      // This stops at the array's own terminator at the latest.
      while (source[at] !== 0) at++;
      at++;
      if (type === 0 || at > end) return MALFORMED;
      const kind = this.#kindAt(type, at, end);
      if (kind === 0) return MALFORMED;
      if (kind !== runKind) {
        if (runKind !== Kind.End) ints[runSlot] = count - runStart;
        runKind = kind;
        runStart = count;
        ints[sections.intCount] = kind;
        runSlot = sections.intCount + 1;
        sections.intCount += 2;
      }
      at = this.#element(kind, type, at, end, holder);
      if (at < 0) return at;
      count++;
    }
    if (runKind !== Kind.End) ints[runSlot] = count - runStart;
    ints[countSlot] = count;
    return end + 1;
  }
}

/** Whether the document's first key starts with '$'. It may be a DBRef, so it is left to BSON.deserialize. */
function isReference(source: Uint8Array, value: number, end: number): boolean {
  return value + 6 < end && source[value + 4] !== 0 && source[value + 5] === 0x24;
}

/** Whether an int64 is within ±2^53, bounds included. bson converts these to numbers. */
function isSafe(low: number, high: number): boolean {
  return (high >= -0x200000 && high < 0x200000) || (high === 0x200000 && low === 0);
}
