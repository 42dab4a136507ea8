import { Kind, type ShapeDefinition } from '../format/format';
import { NodeField, type TrieArrays } from './trie-nodes';

/** Most fields in a shape, including ends of documents. */
export const MAX_PATH = 1_000;

const { Kind: KIND, Length, Key, Parent } = NodeField;

/** The fields of a shape: its definition without id and serial number. */
export type ShapeContent = Pick<ShapeDefinition, 'kinds' | 'keys'>;

/** Returns the shape whose path ends at `end`, or undefined if its documents must cross as BSON. */
export function definitionAt(trie: TrieArrays, end: number): ShapeContent | undefined {
  const { nodes } = trie;
  const path: number[] = [];
  for (let node = end; nodes[node + Parent] !== 0; node = nodes[node + Parent]) path.push(node);
  if (path.length > MAX_PATH) return undefined;
  const kinds: number[] = [];
  const keys: string[] = [];
  const open: Set<string>[] = [new Set()];
  for (const node of path.reverse()) {
    const kind = nodes[node + KIND];
    kinds.push(kind);
    if (kind === Kind.End) {
      open.pop();
      continue;
    }
    const key = keyText(trie, node);
    const known = open[open.length - 1];
    if (known.has(key) || (holdsElements(kind) && key in Object.prototype)) return undefined;
    known.add(key);
    keys.push(key);
    if (kind === Kind.Document) open.push(new Set());
  }
  return { kinds, keys };
}

/** Returns the key as BSON.deserialize reads it. Invalid UTF-8 becomes U+FFFD, so two keys may become equal. */
function keyText({ nodes, keys }: TrieArrays, node: number): string {
  const length = nodes[node + Length];
  const from = nodes[node + Key] + 1;
  const bytes = Buffer.alloc(Math.max(length, 4));
  bytes.writeInt32LE(keys[from], 0);
  let next = from + 1;
  for (let at = 4; at < length - 4; at += 4) bytes.writeInt32LE(keys[next++], at);
  if (length > 4) bytes.writeInt32LE(keys[next], length - 4);
  return bytes.toString('utf8', 1, length - 1);
}

/**
 * Whether a value of this kind may be an array. With the driver's default `fieldsAsRaw: {}`, BSON.deserialize finds
 * inherited names such as `constructor` in that object, and leaves the documents of an array with such a name as bytes.
 * So these arrays are left to BSON.deserialize.
 */
export function holdsElements(kind: number): boolean {
  return kind === Kind.Array || kind === Kind.Variant || kind === Kind.Lazy;
}
