import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const documentsAtOnce = 20_000;

/** Flights and movies of the npm package vega-datasets: 200,000 small documents and 3,201 larger ones. */
export function readDataSet(flightCount) {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  const folder = path.join(path.dirname(entry), '..', 'data');
  const read = (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
  return { flights: read('flights-200k.json').slice(0, flightCount), movies: read('movies.json') };
}

/** Numbers the documents from 0 and inserts them. */
export async function load(db, dataSet) {
  for (const [name, documents] of Object.entries(dataSet)) {
    const numbered = documents.map((document, _id) => ({ _id, ...document }));
    for (let from = 0; from < numbered.length; from += documentsAtOnce) {
      await db.collection(name).insertMany(numbered.slice(from, from + documentsAtOnce));
    }
  }
}
