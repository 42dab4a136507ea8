import { Kind, type ShapeDefinition } from './format';

export interface ShapeLimits {
  /** A shape is compiled once it was seen this often; until then its documents cross as BSON. */
  hotAfter: number;
  maxShapes: number;
  maxNodes: number;
}

/** Fields of a node, which is `STRIDE` consecutive int32: the edge that leads to it, and what follows. */
export const NodeField = {
  Kind: 0,
  /** Bytes of the edge's type byte, key and terminator. */
  Length: 1,
  /** Where in `keys` the edge's words lie. */
  Key: 2,
  FirstChild: 3,
  NextSibling: 4,
  Parent: 5,
  /**
   * Of an end: shape id, 0 while cold, -1 when never. Of an array, variant or lazy field: root for its elements. Of a
   * string: its score, see RepeatedStrings.
   */
  Aux: 6,
  /** Of an end: how often it was reached. Of others: how many children were ever made. */
  Count: 7,
} as const;
export const NODE_STRIDE = 8;

/** BSON type byte to kind; 0 for bytes that are no type. Extremes and old types are left to BSON.deserialize. */
export const KIND_OF_TYPE = kindOfType();

function kindOfType(): Int8Array {
  const kinds = new Int8Array(256);
  for (const type of [1, 2, 3, 4, 5, 7, 8, 9, 10, 16, 17, 18, 19]) kinds[type] = type;
  for (const type of [0x06, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x7f, 0xff]) kinds[type] = Kind.Rare;
  return kinds;
}

/** Whether the kind's slot can say null. */
export function isNullable(kind: number): boolean {
  return kind === Kind.String || kind === Kind.Boolean || kind === Kind.Array || kind === Kind.Date;
}

/** The kind of an edge that must take both. */
export function widened(before: number, now: number): number {
  if (before === Kind.Null && isNullable(now)) return now;
  if (before === Kind.SafeInt64 && now === Kind.Int64) return now;
  return Kind.Variant;
}

const MAX_KEY_BYTES = 255;
const MAX_KEY_WORDS = 512 * 1024;
/** Fields of one shape, ends included. */
const MAX_PATH = 1_000;
const MAX_CHILDREN = 64;
const MAX_ROOT_CHILDREN = 256;
/** Cold paths are dropped when the trie is full, but not more often than every so many refusals. */
const REFUSALS_BETWEEN_PRUNES = 4_096;

const { Kind: KIND, Length, Key, FirstChild, NextSibling, Parent, Aux, Count } = NodeField;

/**
 * All shapes that an encoder has met, as a trie over (kind, key) in document order. A node number is the
 * index of its first int32 in `nodes`, so that following one is an addition. 0 is no node.
 *
 * A key is kept as the words that a little-endian reader finds at its type byte, the type masked out, the
 * last word ending with the key's terminator: it compares without a tail and without reading past it.
 *
 * A key that was met with two kinds gets one edge for both, so that k such fields do not make 2^k shapes.
 */
export class ShapeTrie {
  readonly root = NODE_STRIDE;
  nodes = new Int32Array(NODE_STRIDE * 256);
  keys = new Int32Array(4_096);
  readonly #limits: ShapeLimits;
  #nodeEnd = 2 * NODE_STRIDE;
  #keyEnd = 0;
  /** By their ids. Tries of one encoder share them. */
  readonly #definitions: (ShapeDefinition | undefined)[];
  #refusals = 0;

  constructor(limits: ShapeLimits, definitions: (ShapeDefinition | undefined)[] = [undefined]) {
    this.#limits = limits;
    this.#definitions = definitions;
  }

  /** An empty trie whose shapes have ids of the same row. */
  sibling(): ShapeTrie {
    return new ShapeTrie(this.#limits, this.#definitions);
  }

  get shapeCount(): number {
    return this.#definitions.length - 1;
  }

  get nodeCount(): number {
    return this.#nodeEnd / NODE_STRIDE - 2;
  }

  definition(id: number): ShapeDefinition {
    return this.#definitions[id]!;
  }

  /** The end of a document below `parent`, made if need be; 0 when the trie is full. */
  end(parent: number): number {
    const { nodes } = this;
    for (let child = nodes[parent + FirstChild]; child !== 0; child = nodes[child + NextSibling]) {
      if (nodes[child + KIND] === Kind.End) return child;
    }
    return this.#add(parent, Kind.End, 0, 0);
  }

  /**
   * An edge for the element at `at`, whose key no child of `parent` has; 0 when it cannot be had: a key that
   * is empty, long, or begins with '$', or a trie that is full.
   */
  child(parent: number, kind: number, bytes: Uint8Array, at: number, limit: number): number {
    let end = at + 1;
    while (end < limit && bytes[end] !== 0) end++;
    const length = end + 1 - at;
    if (end >= limit || length === 2 || length > MAX_KEY_BYTES + 2 || bytes[at + 1] === 0x24)
      return 0;
    if (this.#keyEnd + (length >> 2) + 3 > MAX_KEY_WORDS) return this.#refuse();
    const child = this.#add(parent, kind, length, this.#keyEnd);
    if (child !== 0) this.#addKey(bytes, at, length);
    return child;
  }

  /** Puts an edge of another kind in the place of `child`, whose key it takes; 0 when the trie is full. */
  replace(child: number, kind: number): number {
    const parent = this.nodes[child + Parent];
    const next = this.#add(parent, kind, this.nodes[child + Length], this.nodes[child + Key]);
    if (next !== 0) this.#unlink(parent, child);
    return next;
  }

  /** The root for the elements of an array or variant; 0 when the trie is full. */
  elementRoot(holder: number): number {
    const root = this.nodes[holder + Aux];
    return root !== 0 ? root : this.#addElementRoot(holder);
  }

  #addElementRoot(holder: number): number {
    const root = this.#allocate();
    if (root !== 0) this.nodes[holder + Aux] = root;
    return root;
  }

  isCrowded(node: number): boolean {
    return this.nodes[node + Count] >= MAX_CHILDREN;
  }

  /** Counts a document that ended at `end` and gives its shape id: 0 while the shape is cold, else positive. */
  reach(end: number): number {
    const { nodes } = this;
    if (nodes[end + Aux] !== 0) return 0;
    if (++nodes[end + Count] < this.#limits.hotAfter) return 0;
    if (this.#definitions.length > this.#limits.maxShapes) return 0;
    const id = this.#definitions.length;
    const definition = this.#define(end, id);
    if (definition === undefined) {
      nodes[end + Aux] = -1;
      return 0;
    }
    this.#definitions.push(definition);
    return (nodes[end + Aux] = id);
  }

  #add(parent: number, kind: number, length: number, key: number): number {
    const isRoot = this.nodes[parent + Parent] === 0;
    if (this.nodes[parent + Count] >= (isRoot ? MAX_ROOT_CHILDREN : MAX_CHILDREN))
      return this.#refuse();
    const node = this.#allocate();
    if (node === 0) return 0;
    const { nodes } = this;
    nodes[node + KIND] = kind;
    nodes[node + Length] = length;
    nodes[node + Key] = key;
    nodes[node + Parent] = parent;
    // Last: what came first is likely to be the most frequent.
    let link = parent + FirstChild;
    while (nodes[link] !== 0) link = nodes[link] + NextSibling;
    nodes[link] = node;
    nodes[parent + Count]++;
    return node;
  }

  #allocate(): number {
    if (this.nodeCount >= this.#limits.maxNodes) return this.#refuse();
    const node = this.#nodeEnd;
    this.#nodeEnd += NODE_STRIDE;
    if (this.#nodeEnd > this.nodes.length) this.nodes = grown(this.nodes, this.#nodeEnd);
    return node;
  }

  #addKey(bytes: Uint8Array, at: number, length: number): void {
    if (this.#keyEnd + (length >> 2) + 3 > this.keys.length) {
      this.keys = grown(this.keys, this.#keyEnd + (length >> 2) + 3);
    }
    const mask = length === 3 ? 0x00ffff00 : 0xffffff00 | 0;
    this.keys[this.#keyEnd++] = mask;
    this.keys[this.#keyEnd++] = word(bytes, at) & mask;
    for (let word4 = 4; word4 < length - 4; word4 += 4)
      this.keys[this.#keyEnd++] = word(bytes, at + word4);
    if (length > 4) this.keys[this.#keyEnd++] = word(bytes, at + length - 4);
  }

  #unlink(parent: number, child: number): void {
    const { nodes } = this;
    let link = parent + FirstChild;
    while (nodes[link] !== child && nodes[link] !== 0) link = nodes[link] + NextSibling;
    if (nodes[link] === 0) return;
    nodes[link] = nodes[child + NextSibling];
    nodes[parent + Count]--;
  }

  #refuse(): 0 {
    this.#refusals++;
    return 0;
  }

  /** Whether `prune` is worth calling between two documents. */
  get wantsPrune(): boolean {
    return this.#refusals >= REFUSALS_BETWEEN_PRUNES;
  }

  /** Drops every path that has not led to a shape, so that data with ever-new keys does not fill the trie for good. */
  prune(): void {
    this.#refusals = 0;
    const old = { nodes: this.nodes, keys: this.keys };
    this.nodes = new Int32Array(NODE_STRIDE * 256);
    this.keys = new Int32Array(4_096);
    this.#nodeEnd = 2 * NODE_STRIDE;
    this.#keyEnd = 0;
    this.#copyHot(old, this.root, this.root);
  }

  /** Copies the children of `from` that lead to a shape below `to`. Recursion is as deep as a path is long. */
  #copyHot(old: { nodes: Int32Array; keys: Int32Array }, from: number, to: number): void {
    for (
      let child = old.nodes[from + FirstChild];
      child !== 0;
      child = old.nodes[child + NextSibling]
    ) {
      if (!leadsToShape(old.nodes, child)) continue;
      const length = old.nodes[child + Length];
      const copy = this.#add(to, old.nodes[child + KIND], length, this.#keyEnd);
      if (length > 0) this.#copyKey(old.keys, old.nodes[child + Key], length);
      if (old.nodes[child + KIND] === Kind.End) {
        this.nodes[copy + Aux] = old.nodes[child + Aux];
        this.nodes[copy + Count] = old.nodes[child + Count];
      } else if (holdsElements(old.nodes[child + KIND]) && old.nodes[child + Aux] !== 0) {
        this.#copyHot(old, old.nodes[child + Aux], this.elementRoot(copy));
      }
      this.#copyHot(old, child, copy);
    }
  }

  #copyKey(keys: Int32Array, from: number, length: number): void {
    const count = wordsOfKey(length);
    if (this.#keyEnd + count > this.keys.length) this.keys = grown(this.keys, this.#keyEnd + count);
    this.keys.set(keys.subarray(from, from + count), this.#keyEnd);
    this.#keyEnd += count;
  }

  /** The definition of the shape that ends at `end`; undefined when its documents must cross as BSON. */
  #define(end: number, id: number): ShapeDefinition | undefined {
    const path: number[] = [];
    for (let node = end; this.nodes[node + Parent] !== 0; node = this.nodes[node + Parent])
      path.push(node);
    if (path.length > MAX_PATH) return undefined;
    const kinds: number[] = [];
    const keys: string[] = [];
    const open: Set<string>[] = [new Set()];
    for (const node of path.reverse()) {
      const kind = this.nodes[node + KIND];
      kinds.push(kind);
      if (kind === Kind.End) {
        open.pop();
        continue;
      }
      const key = this.#keyText(node);
      const known = open[open.length - 1];
      if (known.has(key) || (holdsElements(kind) && key in Object.prototype)) return undefined;
      known.add(key);
      keys.push(key);
      if (kind === Kind.Document) open.push(new Set());
    }
    return { id, kinds, keys };
  }

  /** The key as BSON.deserialize reads it: bytes that are not UTF-8 become U+FFFD, so that two keys may be one. */
  #keyText(node: number): string {
    const length = this.nodes[node + Length];
    const from = this.nodes[node + Key] + 1;
    const bytes = Buffer.alloc(Math.max(length, 4));
    bytes.writeInt32LE(this.keys[from], 0);
    let next = from + 1;
    for (let at = 4; at < length - 4; at += 4) bytes.writeInt32LE(this.keys[next++], at);
    if (length > 4) bytes.writeInt32LE(this.keys[next], length - 4);
    return bytes.toString('utf8', 1, length - 1);
  }
}

/**
 * Whether it may be an array. With the driver's default `fieldsAsRaw: {}` BSON.deserialize finds `constructor` and
 * its like in it by inheritance, and leaves the documents of such an array as bytes. It shall do so itself.
 */
function holdsElements(kind: number): boolean {
  return kind === Kind.Array || kind === Kind.Variant || kind === Kind.Lazy;
}

function leadsToShape(nodes: Int32Array, node: number): boolean {
  if (nodes[node + KIND] === Kind.End && nodes[node + Aux] > 0) return true;
  if (nodes[node + KIND] === Kind.End && nodes[node + FirstChild] === 0) return false;
  for (let child = nodes[node + FirstChild]; child !== 0; child = nodes[child + NextSibling]) {
    if (leadsToShape(nodes, child)) return true;
  }
  return false;
}

function wordsOfKey(length: number): number {
  return length <= 4 ? 2 : 2 + Math.ceil((length - 4) / 4);
}

/** A little-endian int32, as if zeros followed the last byte. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function grown(array: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(Math.max(needed, array.length * 2));
  next.set(array);
  return next;
}
