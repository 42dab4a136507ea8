import { Kind } from '../format/format';
import { holdsElements } from './shape-definition';
import { grown, NODE_STRIDE, NodeField, type TrieArrays } from './trie-nodes';

const { Kind: KIND, Length, Key, FirstChild, NextSibling, Parent, Aux, Count } = NodeField;
const ROOT = NODE_STRIDE;

/** The arrays of a copied trie, and how far they are filled. */
export interface TrieCopy {
  nodes: Int32Array<ArrayBuffer>;
  keys: Int32Array<ArrayBuffer>;
  depths: Uint16Array<ArrayBuffer>;
  nodeEnd: number;
  keyEnd: number;
}

/**
 * Returns a copy of the trie with only the paths that lead to a kept shape, and the paths without a shape that were
 * used more than once since the last copy. It does not recurse, since a path may have a thousand edges.
 */
export function copySurvivors(
  trie: TrieArrays,
  nodeEnd: number,
  renumbered: (id: number) => number,
): TrieCopy {
  const aux = new Int32Array(nodeEnd / NODE_STRIDE);
  const survives = markSurvivors(trie, nodeEnd, renumbered, aux);
  const copy = new Copy();
  /** Nodes whose children must be copied, each followed by its copy. */
  const open = [ROOT, ROOT];
  while (open.length > 0) {
    const to = open.pop()!;
    const from = open.pop()!;
    let link = to + FirstChild;
    for (
      let child = trie.nodes[from + FirstChild];
      child !== 0;
      child = trie.nodes[child + NextSibling]
    ) {
      if (survives[child / NODE_STRIDE] === 0) continue;
      const next = copy.child(trie, child, to);
      copy.nodes[link] = next;
      copy.nodes[to + Count]++;
      link = next + NextSibling;
      open.push(child, next);
      const kind = trie.nodes[child + KIND];
      if (kind === Kind.End) {
        copy.nodes[next + Aux] = aux[child / NODE_STRIDE];
        copy.nodes[next + Count] += trie.nodes[child + Count] >> 1;
      } else if (holdsElements(kind)) {
        const elements = trie.nodes[child + Aux];
        if (elements !== 0 && survives[elements / NODE_STRIDE] !== 0)
          open.push(elements, copy.elementRoot(next));
      }
    }
  }
  return copy;
}

/** Finds the nodes that lead to an end worth keeping. Writes the new shape ids of ends into `ids`. */
function markSurvivors(
  { nodes }: TrieArrays,
  nodeEnd: number,
  renumbered: (id: number) => number,
  ids: Int32Array,
): Uint8Array {
  const survives = new Uint8Array(nodeEnd / NODE_STRIDE);
  const order = inOrder(nodes);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    const index = node / NODE_STRIDE;
    if (isDocumentEnd(nodes, node)) {
      const id = nodes[node + Aux];
      ids[index] = id > 0 ? renumbered(id) : id;
      if (ids[index] > 0 || nodes[node + Count] > 1) survives[index] = 1;
    }
    if (survives[index] === 0) continue;
    // The path to a root of elements leads through its array.
    const before = nodes[node + Parent] || nodes[node + Key];
    survives[before / NODE_STRIDE] = 1;
  }
  return survives;
}

/** Returns all reachable nodes except the root, each after the one that leads to it. */
function inOrder(nodes: Int32Array): number[] {
  const order = [ROOT];
  for (let i = 0; i < order.length; i++) {
    const node = order[i];
    if (node !== ROOT && holdsElements(nodes[node + KIND]) && nodes[node + Aux] !== 0)
      order.push(nodes[node + Aux]);
    for (let child = nodes[node + FirstChild]; child !== 0; child = nodes[child + NextSibling])
      order.push(child);
  }
  return order.slice(1);
}

/**
 * Whether the node is the end of a whole document. The end of a nested document has the fields after that document as
 * children.
 */
function isDocumentEnd(nodes: Int32Array, node: number): boolean {
  return (
    nodes[node + KIND] === Kind.End && nodes[node + Parent] !== 0 && nodes[node + FirstChild] === 0
  );
}

/** A trie under construction, which starts with its root. */
class Copy implements TrieCopy {
  nodes = new Int32Array(NODE_STRIDE * 256);
  keys = new Int32Array(4_096);
  depths = new Uint16Array(256);
  nodeEnd = 2 * NODE_STRIDE;
  keyEnd = 0;

  /** Copies a node of the other trie, not yet linked to its siblings. */
  child(from: TrieArrays, node: number, parent: number): number {
    const copy = this.#allocate();
    const length = from.nodes[node + Length];
    this.nodes[copy + KIND] = from.nodes[node + KIND];
    this.nodes[copy + Length] = length;
    this.nodes[copy + Parent] = parent;
    this.nodes[copy + Key] = this.keyEnd;
    this.depths[copy / NODE_STRIDE] = this.depths[parent / NODE_STRIDE] + 1;
    if (length > 0) this.#addKey(from.keys, from.nodes[node + Key], length);
    return copy;
  }

  elementRoot(holder: number): number {
    const root = this.#allocate();
    this.nodes[root + Key] = holder;
    this.nodes[holder + Aux] = root;
    return root;
  }

  #allocate(): number {
    const node = this.nodeEnd;
    this.nodeEnd += NODE_STRIDE;
    if (this.nodeEnd > this.nodes.length) {
      this.nodes = grown(this.nodes, this.nodeEnd);
      const depths = new Uint16Array(this.nodes.length / NODE_STRIDE);
      depths.set(this.depths);
      this.depths = depths;
    }
    return node;
  }

  #addKey(keys: Int32Array, from: number, length: number): void {
    const count = wordsOfKey(length);
    if (this.keyEnd + count > this.keys.length) this.keys = grown(this.keys, this.keyEnd + count);
    this.keys.set(keys.subarray(from, from + count), this.keyEnd);
    this.keyEnd += count;
  }
}

function wordsOfKey(length: number): number {
  return length <= 4 ? 2 : 2 + Math.ceil((length - 4) / 4);
}
