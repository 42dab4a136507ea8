import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { BSON } from 'mongodb';

import { decodeFaithful } from '../support/internals';
import { hex } from '../support/bytes';
import { assertExact, expected } from '../support/tape';

interface Suite {
  description: string;
  valid?: {
    description: string;
    canonical_bson: string;
    degenerate_bson?: string;
    converted_bson?: string;
  }[];
  decodeErrors?: { description: string; bson: string }[];
}

const folder = path.resolve(__dirname, '../../../../../shared/specifications/bson-corpus/tests');
const files = existsSync(folder)
  ? readdirSync(folder).filter((name) => name.endsWith('.json'))
  : [];

if (files.length === 0) {
  console.warn(`Skipped: the BSON corpus. Its tests are read from ${folder}, which is not there.`);
  describe('the BSON corpus', () => {
    it.skip('is not there', () => undefined);
  });
}

if (files.length > 0) {
  describe.each(files)('the BSON corpus: %s', (file) => {
    const suite = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Suite;

    for (const { description, ...test } of suite.valid ?? []) {
      const documents = [test.canonical_bson, test.degenerate_bson, test.converted_bson]
        .filter((digits) => digits !== undefined)
        .map(hex);

      it(description, () => {
        assertExact(documents);
        assertExact(documents.map(insideOthers));
      });

      // Once through bson: what it does not write as it was read cannot come from BSON.serialize.
      it(`${description}, faithfully`, () => {
        const lossless = { promoteValues: false, promoteLongs: false, bsonRegExp: true };
        for (const bytes of documents) {
          const outcome = expected(bytes, lossless) as { value: BSON.Document };
          const written = BSON.serialize(outcome.value, { ignoreUndefined: false });
          expect(Buffer.from(BSON.serialize(decodeFaithful(written)))).toEqual(
            Buffer.from(written),
          );
        }
      });
    }

    for (const { description, bson } of suite.decodeErrors ?? []) {
      it(`error: ${description}`, () => assertExact([hex(bson)]));
    }
  });
}

/** The document as a field and as an element of another. */
function insideOthers(bytes: Uint8Array): Uint8Array {
  const wrapped = Buffer.from(BSON.serialize({ before: 1, inner: {}, list: [{}, {}], after: 'x' }));
  const empty = Buffer.of(5, 0, 0, 0, 0);
  const parts: Buffer[] = [];
  let from = 4;
  for (let at = wrapped.indexOf(empty, from); at >= 0; at = wrapped.indexOf(empty, from)) {
    parts.push(wrapped.subarray(from, at), Buffer.from(bytes));
    from = at + empty.length;
  }
  parts.push(wrapped.subarray(from));
  const body = Buffer.concat(parts);
  const growth = bytes.length - empty.length;
  const listAt = body.indexOf('list\0') + 5;
  body.writeInt32LE(body.readInt32LE(listAt) + 2 * growth, listAt);
  const size = Buffer.alloc(4);
  size.writeInt32LE(body.length + 4);
  return Buffer.concat([size, body]);
}
