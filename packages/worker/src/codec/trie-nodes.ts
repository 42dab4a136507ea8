/** Fields of a node, which is `STRIDE` consecutive int32: the edge that leads to it, and what follows. */
export const NodeField = {
  Kind: 0,
  /** Bytes of the edge's type byte, key and terminator. */
  Length: 1,
  /** Where in `keys` the edge's words lie. Of a root for elements: the node that holds it. */
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

/** What a trie consists of. */
export interface TrieArrays {
  readonly nodes: Int32Array;
  readonly keys: Int32Array;
}

export function grown(array: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(Math.max(needed, array.length * 2));
  next.set(array);
  return next;
}
