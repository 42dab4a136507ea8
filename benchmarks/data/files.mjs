import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BSON } from 'mongodb';
import { documents } from './documents.mjs';

/** Writes files with one line of JSON for each document. */
export function writeLdjson(folder, original, { count, documentsInFile }) {
  mkdirSync(folder);
  for (let number = 0; number < count; number++) {
    const made = documents(original, number * documentsInFile, documentsInFile, { withId: false });
    const lines = made.map((document) => `${BSON.EJSON.stringify(document)}\n`);
    writeFileSync(path.join(folder, `${number}.of-${documentsInFile}.json`), lines.join(''));
  }
}

/** Writes files of random bytes. */
export function writeBinaries(folder, { count, bytes }) {
  mkdirSync(folder);
  for (let number = 0; number < count; number++) {
    writeFileSync(path.join(folder, `${number}.bin`), randomBytes(bytes));
  }
}

/** Lists a folder; `documents` is the number of documents, if the file names tell it. */
export function filesIn(folder) {
  const paths = readdirSync(folder).map((name) => path.join(folder, name));
  const bytes = paths.reduce((sum, file) => sum + statSync(file).size, 0);
  const documents = paths.reduce(
    (sum, file) => sum + Number(/\.of-(\d+)\./.exec(file)?.[1] ?? 0),
    0,
  );
  return { paths, bytes, documents };
}
