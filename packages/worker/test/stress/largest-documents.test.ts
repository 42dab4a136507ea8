import { BSON, ObjectId } from 'mongodb';

import { assertDocument, Pipe } from '../support/tape';

const MEGABYTE = 1024 * 1024;
/** An option that the types of BSON do not have. */
const LARGE = { minInternalBufferSize: 20 * MEGABYTE } as BSON.SerializeOptions;

describe('documents of 16 MB', () => {
  const fill = (length: number) => 'x'.repeat(length);
  it.each<[string, () => object]>([
    ['one string', () => ({ _id: 1, text: fill(16 * MEGABYTE - 100) })],
    ['one string that is not ASCII', () => ({ text: '漢'.repeat(5 * MEGABYTE) })],
    ['one binary', () => ({ data: Buffer.alloc(16 * MEGABYTE - 100, 7) })],
    ['numbers', () => ({ numbers: Array.from({ length: 650_000 }, (_, at) => at) })],
    [
      'nulls and booleans in turn',
      () => ({ list: Array.from({ length: 900_000 }, (_, at) => (at % 2 ? null : true)) }),
    ],
    [
      'documents',
      () => ({
        list: Array.from({ length: 120_000 }, (_, at) => ({
          _id: new ObjectId(),
          n: at,
          s: 'some text',
        })),
      }),
    ],
    [
      'ids',
      () => ({ list: Array.from({ length: 350_000 }, () => new ObjectId(Buffer.alloc(12, 3))) }),
    ],
    [
      'fields',
      () =>
        Object.fromEntries(
          Array.from({ length: 100_000 }, (_, at) => [`field${at}`, 'y'.repeat(100)]),
        ),
    ],
  ])('of %s cross like others', (_, make) => {
    const bytes = BSON.serialize(make(), LARGE);
    expect(bytes.length).toBeGreaterThan(6 * MEGABYTE);
    const pipe = new Pipe();
    const small = BSON.serialize({ a: 1 });
    for (let round = 0; round < 2; round++) {
      const [first, large, last] = pipe.send([small, bytes, small]);
      assertDocument(first, { a: 1 });
      expect(isWrittenAs((large as { value: BSON.Document }).value, bytes)).toBe(true);
      assertDocument(last, { a: 1 });
    }
  });
});

/** Whether the document is what was sent: quicker than to compare it field by field. */
function isWrittenAs(document: BSON.Document, bytes: Uint8Array): boolean {
  return Buffer.compare(BSON.serialize(document, LARGE), bytes) === 0;
}
