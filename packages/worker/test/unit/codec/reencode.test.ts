import fc from 'fast-check';
import { BSON } from 'mongodb';

import { reencodeRaw } from '../../support/internals';
import * as arbitrary from '../../support/arbitraries';
import * as raw from '../../support/bytes';

const RAW = { raw: true, promoteValues: false, promoteLongs: false, bsonRegExp: true };

describe('a reply that the driver decoded with raw: true', () => {
  it('becomes the bytes again that the server sent', () => {
    fc.assert(
      fc.property(fc.dictionary(arbitrary.keys, arbitrary.values, { maxKeys: 8 }), (document) => {
        // A DBRef at the top would be made into an object of its own.
        const sent = Buffer.from(BSON.serialize(document));
        const decoded = BSON.deserialize(sent, RAW);
        fc.pre(decoded._bsontype === undefined && isInOrder(sent, decoded));
        expect(Buffer.from(reencodeRaw(decoded)).toString('hex')).toBe(sent.toString('hex'));
      }),
      { numRuns: 500 },
    );
  });

  it('may hold documents in arrays, and objects that the driver made', () => {
    const bytes = BSON.serialize({ x: 1, y: [1, { z: 'é' }] });
    const built = {
      ok: 1,
      value: bytes,
      list: [bytes, bytes, [bytes]],
      lastErrorObject: { n: 1, upserted: undefined, e: [] },
    };
    expect(BSON.deserialize(reencodeRaw(built))).toEqual({
      ok: 1,
      value: { x: 1, y: [1, { z: 'é' }] },
      list: [
        { x: 1, y: [1, { z: 'é' }] },
        { x: 1, y: [1, { z: 'é' }] },
        [{ x: 1, y: [1, { z: 'é' }] }],
      ],
      lastErrorObject: { n: 1, upserted: undefined, e: [] },
    });
  });

  it('may be large', () => {
    const bytes = BSON.serialize({ text: 'x'.repeat(2_000_000) });
    const again = reencodeRaw({ a: bytes, b: bytes, c: 1 });
    const want = raw.document(
      raw.element(3, 'a', bytes),
      raw.element(3, 'b', bytes),
      raw.element(0x10, 'c', raw.int32(1)),
    );
    expect(Buffer.compare(again, want)).toBe(0);
  });

  it('keeps scalars of all types', () => {
    const document = {
      d: new BSON.Double(1),
      l: BSON.Long.fromNumber(5),
      i: new BSON.Int32(1),
      t: new Date(1),
      r: /a/i,
      b: new BSON.Binary(Buffer.from('x'), 5),
      n: null,
      u: new BSON.UUID(),
      s: 'é',
      f: false,
      '': '',
    };
    expect(Buffer.from(reencodeRaw(document))).toEqual(Buffer.from(BSON.serialize(document)));
  });
});

/** Whether an object can hold the document's keys in the order in which they were sent. */
function isInOrder(sent: Buffer, decoded: BSON.Document): boolean {
  return (
    Buffer.compare(
      sent,
      Buffer.from(BSON.serialize(BSON.deserialize(sent, { ...RAW, raw: false }))),
    ) === 0 && decoded !== null
  );
}
