import { BSON } from 'mongodb';

import { BsonWriter, DocumentShapes } from '../../support/internals';

// Objects with the same keys are written by code compiled for these keys. There is a limit to what is compiled; what an
// application has written before must not use it up for good.

type Fields = Record<string, number>;

/** All documents with these keys, or some of them. */
function combinations(keys: readonly string[]): Fields[] {
  const documents: Fields[] = [];
  for (let chosen = 1; chosen < 1 << keys.length; chosen++) {
    const document: Fields = {};
    keys.forEach((key, i) => {
      if ((chosen & (1 << i)) !== 0) document[key] = i;
    });
    documents.push(document);
  }
  return documents;
}

const twelve = Array.from({ length: 12 }, (_, i) => `field${i}`);

/** How many of the documents were given to a compiled function, when each is met this often, one after the other. */
function compiledOf(shapes: DocumentShapes, documents: readonly Fields[], times: number): number {
  let compiled = 0;
  for (const document of documents) {
    let writer;
    for (let i = 0; i < times; i++) writer = shapes.writerOf(document, { writer: undefined });
    if (writer !== undefined && 'write' in writer) compiled++;
  }
  return compiled;
}

test('compiles a writer for new documents after 4,095 combinations of keys were written often', () => {
  const shapes = new DocumentShapes();
  compiledOf(shapes, combinations(twelve), 20);
  const later: Fields[] = [
    { name: 1, street: 2, town: 3 },
    { a: 1, b: 2, c: 3, d: 4, e: 5 },
    { one: 1 },
  ];
  expect(compiledOf(shapes, later, 10_000)).toBe(later.length);
});

test('compiles few writers while thousands of shapes come and go', () => {
  const shapes = new DocumentShapes();
  const documents = combinations(twelve);
  compiledOf(shapes, documents, 20);
  expect(compiledOf(shapes, documents, 20)).toBeLessThan(documents.length / 16);
});

test('keeps the writers that are in use when others are forgotten', () => {
  const shapes = new DocumentShapes();
  const used = { kept: 1, always: 2 };
  compiledOf(shapes, [used], 20);
  for (const document of combinations(twelve)) {
    compiledOf(shapes, [document], 40);
    expect(compiledOf(shapes, [used], 1)).toBe(1);
  }
});

test('writes the same bytes while shapes are forgotten, also inside of documents', () => {
  const writer = new BsonWriter(65_536);
  const options = { ignoreUndefined: false, serializeFunctions: false };
  const parts = combinations(twelve.slice(0, 9));
  parts.forEach((part, i) => {
    const document = { i, part, list: [part, { other: part }], [`extra${i}`]: part };
    const bytes = Buffer.from(BSON.serialize(document));
    for (let times = 0; times < 8; times++) {
      writer.at = 0;
      writer.document(document, options);
      expect(bytes.equals(writer.bytes.subarray(0, writer.at))).toBe(true);
    }
  });
});
