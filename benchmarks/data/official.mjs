import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BSON } from 'mongodb';
import { generate } from './generated.mjs';

/** Lists the files of the drivers' common benchmark (DriverBench), and whether they are extended JSON. */
const files = {
  tweet: { name: 'tweet.json' },
  small: { name: 'small_doc.json' },
  large: { name: 'large_doc.json' },
  deep: { name: 'deep_bson.json', extended: true },
  flat: { name: 'flat_bson.json', extended: true },
  full: { name: 'full_bson.json', extended: true },
};

/**
 * Returns a document of the drivers' common benchmark if `folder` has it. Otherwise makes one with the same lengths
 * of keys, types and sizes.
 *
 * @param {keyof typeof files} kind
 * @param {string | undefined} folder
 * @returns {{ document: object, bytes: number, generated: boolean }} `bytes`: the size of the source file, from
 *   which that benchmark computes megabytes
 */
export function readDocument(kind, folder) {
  const { name, extended = false } = files[kind];
  const file = folder === undefined ? undefined : path.join(folder, name);
  if (file === undefined || !existsSync(file)) {
    const document = generate(kind);
    return {
      document,
      bytes: BSON.EJSON.stringify(document, { relaxed: !extended }).length,
      generated: true,
    };
  }
  const text = readFileSync(file, 'utf8');
  const document = extended ? BSON.EJSON.parse(text, { relaxed: false }) : JSON.parse(text);
  return { document, bytes: Buffer.byteLength(text), generated: false };
}

/** Returns the files that `folder` lacks. */
export function missingFiles(folder) {
  return Object.values(files)
    .map(({ name }) => name)
    .filter((name) => !existsSync(path.join(folder, name)));
}
