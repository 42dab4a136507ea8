import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** Returns flights of the npm package vega-datasets: four numbers each, and an `_id`. */
export function flights(count) {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  const file = path.join(path.dirname(entry), '..', 'data', 'flights-200k.json');
  const read = JSON.parse(readFileSync(file, 'utf8'));
  return Array.from({ length: count }, (_, _id) => ({ _id, ...read[_id % read.length] }));
}
