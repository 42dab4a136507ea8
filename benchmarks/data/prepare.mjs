import path from 'node:path';
import { documents } from './documents.mjs';
import { writeBinaries, writeLdjson } from './files.mjs';
import { readDocument } from './official.mjs';
import { flights } from './vega.mjs';

const documentsAtOnce = 2_000;

/**
 * Makes the collections in `db` and the files in `folder` that the sections need, with the native driver.
 *
 * @param {object[]} sections
 * @param {{ db: import('mongodb').Db, data: string, folder: string, onProgress: (line: string) => void }} at
 * @returns {Promise<{ ldjson: string, binaries: string, scratch: string }>} where the files are
 */
export async function prepare(sections, { db, data, folder, onProgress }) {
  const files = {
    ldjson: path.join(folder, 'ldjson'),
    binaries: path.join(folder, 'binaries'),
    scratch: folder,
  };
  const needs = sections.flatMap(({ needs = [] }) => needs);
  for (const need of new Map(needs.map((need) => [JSON.stringify(need), need])).values()) {
    onProgress(`Making ${JSON.stringify(need)}`);
    if (need.what === 'collection') await fill(db.collection(need.name), need, data);
    else if (need.what === 'ldjson') {
      writeLdjson(files.ldjson, readDocument('tweet', data).document, need);
    } else writeBinaries(files.binaries, need);
  }
  return files;
}

async function fill(collection, { kind, documents: count }, data) {
  const make = makerOf(kind, count, data);
  for (let from = 0; from < count; from += documentsAtOnce) {
    await collection.insertMany(make(from, Math.min(documentsAtOnce, count - from)));
  }
}

/** @returns {(from: number, count: number) => object[]} */
function makerOf(kind, count, data) {
  if (kind === 'vega') {
    const all = flights(count);
    return (from, some) => all.slice(from, from + some);
  }
  const isTweet = kind === 'tweet' || kind === 'mixed';
  const { document } = readDocument(isTweet ? 'tweet' : kind, data);
  const options = { manyShapes: kind === 'mixed', letters: !isTweet };
  return (from, some) => documents(document, from, some, options);
}
