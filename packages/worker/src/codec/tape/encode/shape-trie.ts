import { Kind } from '../format/format';
import { definitionAt, MAX_PATH } from './shape-definition';
import type { ShapeTable } from './shape-table';
import { copySurvivors } from './trie-copy';
import { grown, NODE_STRIDE, NodeField } from './trie-nodes';

/**
 * The kind for each BSON type byte, or 0 if the byte is not a type. MinKey, MaxKey and old types are left to
 * BSON.deserialize.
 */
export const KIND_OF_TYPE = kindOfType();

function kindOfType(): Int8Array {
  const kinds = new Int8Array(256);
  for (const type of [1, 2, 3, 4, 5, 7, 8, 9, 10, 16, 17, 18, 19]) kinds[type] = type;
  for (const type of [0x06, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x7f, 0xff]) kinds[type] = Kind.Rare;
  return kinds;
}

/** Whether a slot of this kind can hold null. */
export function isNullable(kind: number): boolean {
  return kind === Kind.String || kind === Kind.Boolean || kind === Kind.Array || kind === Kind.Date;
}

/** Returns the kind of an edge that must hold values of both kinds. */
export function widened(before: number, now: number): number {
  if (before === Kind.Null && isNullable(now)) return now;
  if (before === Kind.SafeInt64 && now === Kind.Int64) return now;
  return Kind.Variant;
}

const MAX_KEY_BYTES = 255;
const MAX_KEY_WORDS = 512 * 1024;
const MAX_CHILDREN = 64;
/** Most children of a root and of a first field, which is `_id` in nearly all documents. */
const MAX_FIRST_CHILDREN = 256;
/** A trie without room prunes itself, but only if at least this number of documents passed since the last time. */
const BETWEEN_PRUNES = 1_024;
/** Pruning takes about 15 ns per copied node. This limits its cost to eight copied nodes per document. */
const NODES_PER_DOCUMENT = 8;
/** If a pruned trie still uses more than this fraction of its room, shapes must be forgotten. */
const CROWDED = 0.75;

const { Kind: KIND, Length, Key, FirstChild, NextSibling, Parent, Aux, Count } = NodeField;

/**
 * All shapes that an encoder has seen, as a trie over (kind, key) in document order. A node's number is the index of
 * its first int32 in `nodes`, so following a link is one addition. 0 means no node.
 *
 * A key is stored as the words that a little-endian reader finds from its type byte on, with the type masked out. The
 * last word ends with the key's terminator. So comparing needs no loop over single bytes and does not read past the
 * terminator.
 *
 * A key that was seen with two kinds gets one edge for both, so that k such fields do not make 2^k shapes.
 */
export class ShapeTrie {
  readonly root = NODE_STRIDE;
  nodes = new Int32Array(NODE_STRIDE * 256);
  keys = new Int32Array(4_096);
  /** Number of edges from the root to each node. */
  #depths = new Uint16Array(256);
  readonly #table: ShapeTable;
  #nodeEnd = 2 * NODE_STRIDE;
  #keyEnd = 0;
  #refusals = 0;
  #documentsAtPrune = 0;
  /** Whether the trie had no room even after pruning. */
  #crowded = false;

  constructor(table: ShapeTable) {
    this.#table = table;
  }

  get nodeCount(): number {
    return this.#nodeEnd / NODE_STRIDE - 2;
  }

  /** Returns the end of a document below `parent`, and adds it if needed. Returns 0 if the trie is full. */
  end(parent: number): number {
    const { nodes } = this;
    for (let child = nodes[parent + FirstChild]; child !== 0; child = nodes[child + NextSibling]) {
      if (nodes[child + KIND] === Kind.End) return child;
    }
    return this.#add(parent, Kind.End, 0, 0);
  }

  /**
   * Adds an edge for the element at `at`, whose key no child of `parent` has. Returns 0 if that is impossible: the key
   * is empty, too long or starts with '$', or the trie is full.
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

  /** Replaces `child` by an edge of another kind with the same key. Returns 0 if the trie is full. */
  replace(child: number, kind: number): number {
    const parent = this.nodes[child + Parent];
    const next = this.#add(parent, kind, this.nodes[child + Length], this.nodes[child + Key]);
    if (next !== 0) this.#unlink(parent, child);
    return next;
  }

  /** Returns the root of the elements of an array or variant, or 0 if the trie is full. */
  elementRoot(holder: number): number {
    const root = this.nodes[holder + Aux];
    return root !== 0 ? root : this.#addElementRoot(holder);
  }

  #addElementRoot(holder: number): number {
    const root = this.#allocate();
    if (root === 0) return 0;
    this.nodes[root + Key] = holder;
    this.#depths[root / NODE_STRIDE] = 0;
    return (this.nodes[holder + Aux] = root);
  }

  /** Counts a document that ended at `end`. Returns its shape id: 0 while the shape is cold, else positive. */
  reach(end: number): number {
    const { nodes } = this;
    if (nodes[end + Aux] !== 0) return 0;
    if (++nodes[end + Count] < this.#table.hotAfter || !this.#table.hasRoom()) return 0;
    const definition = definitionAt(this, end);
    return (nodes[end + Aux] = definition === undefined ? -1 : this.#table.add(definition));
  }

  #add(parent: number, kind: number, length: number, key: number): number {
    const depth = this.#depths[parent / NODE_STRIDE];
    // No shape has a path this long, so it is not stored. Pruning would not help, so this does not count as lack of
    // room.
    if (depth >= MAX_PATH) return 0;
    if (this.nodes[parent + Count] >= (depth < 2 ? MAX_FIRST_CHILDREN : MAX_CHILDREN))
      return this.#refuse();
    const node = this.#allocate();
    if (node === 0) return 0;
    const { nodes } = this;
    nodes[node + KIND] = kind;
    nodes[node + Length] = length;
    nodes[node + Key] = key;
    nodes[node + Parent] = parent;
    this.#depths[node / NODE_STRIDE] = depth + 1;
    // Append the node: earlier children are likely to be more frequent.
    let link = parent + FirstChild;
    while (nodes[link] !== 0) link = nodes[link] + NextSibling;
    nodes[link] = node;
    nodes[parent + Count]++;
    return node;
  }

  #allocate(): number {
    if (this.nodeCount >= this.#table.limits.maxNodes) return this.#refuse();
    const node = this.#nodeEnd;
    this.#nodeEnd += NODE_STRIDE;
    if (this.#nodeEnd > this.nodes.length) {
      this.nodes = grown(this.nodes, this.#nodeEnd);
      const depths = new Uint16Array(this.nodes.length / NODE_STRIDE);
      depths.set(this.#depths);
      this.#depths = depths;
    }
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

  /** Whether `prune` pays after the document with this number. */
  wantsPrune(document: number): boolean {
    return (
      this.#refusals > 0 &&
      document - this.#documentsAtPrune >=
        Math.max(BETWEEN_PRUNES, this.nodeCount / NODES_PER_DOCUMENT)
    );
  }

  /**
   * Drops every path that leads to no shape and was hardly used, so that ever-new keys cannot fill the trie
   * permanently.
   */
  prune(document: number): void {
    this.#documentsAtPrune = document;
    this.#refusals = 0;
    this.rebuild((id) => id);
    this.#crowded = this.isFilled(CROWDED);
  }

  /** Whether only forgetting shapes can make room. */
  get isCrowded(): boolean {
    return this.#crowded;
  }

  isFilled(part: number): boolean {
    return (
      this.nodeCount > part * this.#table.limits.maxNodes || this.#keyEnd > part * MAX_KEY_WORDS
    );
  }

  /**
   * Replaces the trie with a copy of the paths worth keeping.
   *
   * @param renumbered - returns a shape's new id, or 0 if it is forgotten
   */
  rebuild(renumbered: (id: number) => number): void {
    this.#crowded = false;
    const copy = copySurvivors(this, this.#nodeEnd, renumbered);
    this.nodes = copy.nodes;
    this.keys = copy.keys;
    this.#depths = copy.depths;
    this.#nodeEnd = copy.nodeEnd;
    this.#keyEnd = copy.keyEnd;
  }
}

/** Returns a little-endian int32. Bytes past the end count as zeros. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
