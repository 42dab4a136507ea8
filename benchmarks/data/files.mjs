import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BSON } from 'mongodb';
import { documents } from './documents.mjs';

/** So many files of so many documents each, a line of JSON for each document. */
export function writeLdjson(folder, original, { count, documentsInFile }) {
  mkdirSync(folder);
  for (let number = 0; number < count; number++) {
    const made = documents(original, number * documentsInFile, documentsInFile, { withId: false });
    const lines = made.map((document) => `${BSON.EJSON.stringify(document)}\n`);
    writeFileSync(path.join(folder, `${number}.of-${documentsInFile}.json`), lines.join(''));
  }
}

/** So many files of random bytes. */
export function writeBinaries(folder, { count, bytes }) {
  mkdirSync(folder);
  for (let number = 0; number < count; number++) {
    writeFileSync(path.join(folder, `${number}.bin`), randomBytes(bytes));
  }
}

/** What lies in a folder; `documents` where the files say how many they have. */
export function filesIn(folder) {
  const paths = readdirSync(folder).map((name) => path.join(folder, name));
  const bytes = paths.reduce((sum, file) => sum + statSync(file).size, 0);
  const documents = paths.reduce(
    (sum, file) => sum + Number(/\.of-(\d+)\./.exec(file)?.[1] ?? 0),
    0,
  );
  return { paths, bytes, documents };
}
