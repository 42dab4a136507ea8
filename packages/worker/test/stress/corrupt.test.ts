import fc from 'fast-check';
import { BSON, ObjectId } from 'mongodb';

import * as arbitrary from '../support/arbitraries';
import * as raw from '../support/bytes';
import { assertSameOutcome } from '../support/same';
import { assertExact, expected, Pipe } from '../support/tape';

const EFFORT = Number(process.env.MONGO_OFFLOAD_TEST_EFFORT ?? 1);

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  to: fc.oneof(
    fc.nat(255),
    fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 8, 9, 0x10, 0x12, 0x24, 0xfd, 0xfe, 0xff),
  ),
});

describe('bytes that are no BSON', () => {
  it('give the same document or the same error, and leave the documents around them alone', () => {
    fc.assert(
      fc.property(
        arbitrary.documents,
        fc.array(fc.array(mutation, { minLength: 1, maxLength: 3 }), {
          minLength: 20,
          maxLength: 20,
        }),
        (document, mutations) => {
          const sound = BSON.serialize(document);
          const documents = mutations.flatMap((changes) => [sound, mutated(sound, changes)]);
          const pipe = new Pipe();
          pipe.send([sound, sound]);
          pipe
            .send(documents)
            .forEach((outcome, at) => assertSameOutcome(outcome, expected(documents[at], {})));
        },
      ),
      { numRuns: 500 * EFFORT },
    );
  });

  it('are told from sound ones at every single byte of a document with all kinds', () => {
    const sound = BSON.serialize({
      _id: new ObjectId(),
      text: 'some text',
      more: 'é',
      wide: '漢字',
      count: 7,
      part: 0.5,
      flag: true,
      when: new Date(0),
      none: null,
      long: 2n ** 40n,
      nested: { a: 1, b: { c: 'x' } },
      list: [1, 'x', { a: 1 }, [2]],
      data: Buffer.from('data'),
      pattern: /a/,
    });
    const pipe = new Pipe();
    pipe.send([sound, sound, sound]);
    for (let at = 0; at < sound.length; at++) {
      const documents = [0, 1, 2, 3, 8, 0x10, 0x24, 0x7f, 0x80, 0xfd, 0xff].map((to) => {
        const bytes = Buffer.from(sound);
        bytes[at] = to;
        return bytes;
      });
      pipe
        .send(documents)
        .forEach((outcome, which) => assertSameOutcome(outcome, expected(documents[which], {})));
    }
  });

  it('may be cut off anywhere, or be followed by something', () => {
    const sound = Buffer.from(BSON.serialize({ a: 'text', b: { c: [1, 2] }, d: 1 }));
    const documents = Array.from({ length: sound.length }, (_, length) =>
      sound.subarray(0, length),
    );
    documents.push(Buffer.concat([sound, Buffer.of(0)]), Buffer.alloc(5), Buffer.alloc(40, 0xff));
    assertExact(documents, [{}, { promoteValues: false }]);
    // The declared length is right, the content is not.
    const short = documents.slice(5, -3).map((bytes) => {
      const fixed = Buffer.from(bytes);
      fixed.writeInt32LE(fixed.length);
      fixed[fixed.length - 1] = 0;
      return fixed;
    });
    assertExact(short, [{}]);
  });

  it('is text that is not UTF-8: an error, or U+FFFD where validation is off', () => {
    const invalid = [
      '80',
      'c080',
      'c1bf',
      'e08080',
      'eda080',
      'edbfbf',
      'f0808080',
      'f48fbfc0',
      'f4908080',
      'f5808080',
      'ff',
      'c2',
      'e282',
      'f09f98',
      'c3a9c3',
      '61c3',
    ];
    const valid = [
      'c280',
      'dfbf',
      'e0a080',
      'ed9fbf',
      'ee8080',
      'efbfbd',
      'f0908080',
      'f48fbfbf',
      'efbbbf',
    ];
    const padded = invalid.map((digits) => `${'78'.repeat(520)}${digits}`);
    for (const digits of [...invalid, ...valid, ...padded]) {
      const content = raw.hex(digits);
      assertExact(
        [
          raw.document(
            raw.element(2, 'a', raw.text(content)),
            raw.element(0x10, 'b', raw.int32(1)),
          ),
          raw.document(
            raw.element(2, 'a', raw.text('sound')),
            raw.element(0x10, 'b', raw.int32(1)),
          ),
          raw.document(raw.element(4, 'a', raw.document(raw.element(2, '0', raw.text(content))))),
          raw.document(raw.element(0x0e, 'a', raw.text(content))),
          raw.document(raw.element(0x0d, 'a', raw.text(content))),
        ],
        [{}, { enableUtf8Validation: false }],
      );
    }
  });

  it('is a regular expression that JavaScript, or bson, refuses', () => {
    const pattern = (source: string, flags: string) =>
      raw.document(
        raw.element(0x10, 'n', raw.int32(1)),
        raw.element(0x0b, 'r', raw.cString(source), raw.cString(flags)),
        raw.element(2, 'after', raw.text('it')),
      );
    assertExact([pattern('(', ''), pattern('a', ''), pattern('a', 'q'), pattern('a', 'im')]);
  });
});

function mutated(bytes: Uint8Array, changes: { at: number; to: number }[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const { at, to } of changes) copy[Math.floor(at * copy.length)] = to;
  return copy;
}
