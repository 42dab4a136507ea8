import { Kind, type ShapeDefinition } from './format';
import { NodeField, type TrieArrays } from './trie-nodes';

/** Fields of one shape, ends included. */
export const MAX_PATH = 1_000;

const { Kind: KIND, Length, Key, Parent } = NodeField;

/** What a document of a shape consists of: a definition without its numbers. */
export type ShapeContent = Pick<ShapeDefinition, 'kinds' | 'keys'>;

/** The shape whose path ends at `end`; undefined when its documents must cross as BSON. */
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

/** The key as BSON.deserialize reads it: bytes that are not UTF-8 become U+FFFD, so that two keys may be one. */
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
 * Whether it may be an array. With the driver's default `fieldsAsRaw: {}` BSON.deserialize finds `constructor` and
 * its like in it by inheritance, and leaves the documents of such an array as bytes. It shall do so itself.
 */
export function holdsElements(kind: number): boolean {
  return kind === Kind.Array || kind === Kind.Variant || kind === Kind.Lazy;
}
