/**
 * Fields of a node, which is `NODE_STRIDE` consecutive int32 values. They hold the edge that leads to it and its links.
 */
export const NodeField = {
  Kind: 0,
  /** Bytes of the edge's type byte, key and terminator. */
  Length: 1,
  /** Position of the edge's words in `keys`. For a root of elements: the node that holds it. */
  Key: 2,
  FirstChild: 3,
  NextSibling: 4,
  Parent: 5,
  /**
   * For an end: its shape id; 0 while cold; -1 if it never gets one. For an array, variant or lazy field: the root of
   * its elements. For a string: its score, see RepeatedStrings.
   */
  Aux: 6,
  /** For an end: the number of times that it was reached. For other nodes: the number of children. */
  Count: 7,
} as const;
/** Number of int32 values in a node. */
export const NODE_STRIDE = 8;

/** The arrays of which a trie consists. */
export interface TrieArrays {
  readonly nodes: Int32Array;
  readonly keys: Int32Array;
}

/** Copies the array into a larger one with room for at least `needed` values. */
export function grown(array: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(Math.max(needed, array.length * 2));
  next.set(array);
  return next;
}
