import fc from 'fast-check';
import { BSON } from 'mongodb';

import { type TapeChunk, TapeDecoder, TapeEncoder } from '../../support/internals';
import { assertSame } from '../../support/same';
import { assertExact, OPTION_SETS, Pipe } from '../../support/tape';

const STATES = ['ab', 'xyz', 'open', 'closed', 'in the midst of something', 'ü', '日本', '', 'a'];

function write(encoder: TapeEncoder, documents: object[]): TapeChunk {
  for (const document of documents) {
    const bytes = BSON.serialize(document);
    encoder.write(bytes, 0, bytes.length);
  }
  return encoder.take(encoder);
}

function read(decoder: TapeDecoder, chunk: TapeChunk): BSON.Document[] {
  const documents: BSON.Document[] = [];
  decoder.open(chunk, {}).readInto(documents, Infinity);
  return documents;
}

function states(count: number): { _id: number; state: string; inner: { state: string } }[] {
  return Array.from({ length: count }, (_, _id) => ({
    _id,
    state: STATES[_id % STATES.length],
    inner: { state: STATES[(_id * 5) % STATES.length] },
  }));
}

describe('strings that come again and again', () => {
  it('are sent once, and are the same string in all documents', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    const decoder = new TapeDecoder();
    const first = write(encoder, states(200));
    expect(first.texts?.map(({ text }) => text).sort()).toEqual(
      ['ab', 'xyz', 'open', 'closed', 'in the midst of something'].sort(),
    );
    assertSame(read(decoder, first), states(200));
    const second = write(encoder, states(200));
    expect(second.texts).toBeUndefined();
    assertSame(read(decoder, second), states(200));
  });

  it('take less room on the tape than others', () => {
    const size = (states: string[]): number => {
      const encoder = new TapeEncoder({ hotAfter: 1 });
      const documents = states.map((state) => ({ state }));
      write(encoder, documents);
      return write(encoder, documents).buffer.byteLength;
    };
    const few = Array.from({ length: 200 }, (_, at) => `a state of some length ${at % 4}`);
    const many = Array.from({ length: 200 }, (_, at) => `a state of some length ${at % 1e4}`);
    expect(size(few)).toBeLessThan(size(many) / 2);
  });

  it('are the same to a program under every option', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            a: fc.constantFrom(...STATES, null),
            b: fc.constantFrom(...STATES, 1, { c: 'open' }),
            c: fc.record({ d: fc.constantFrom('no', 'yes', 'x'.repeat(32), 'x'.repeat(33)) }),
            e: fc.string({ maxLength: 5 }),
            f: fc.array(fc.constantFrom(...STATES), { maxLength: 3 }),
          }),
          { minLength: 10, maxLength: 40 },
        ),
        (documents) => {
          const bytes = documents.map((document) => BSON.serialize(document));
          assertExact([...bytes, ...bytes, ...bytes], OPTION_SETS);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('that share a place in the table are not taken for one another', () => {
    const pipe = new Pipe();
    for (let round = 0; round < 6; round++) {
      const documents = Array.from({ length: 12_000 }, (_, at) => ({
        a: `k${(at * 7919) % 6_000}`,
      }));
      const outcomes = pipe.send(documents.map((document) => BSON.serialize(document)));
      outcomes.forEach((outcome, at) => assertSame(outcome, { value: documents[at] }));
    }
  });

  it('are bounded: what never ends to be new is not kept', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    let kept = 0;
    for (let round = 0; round < 40; round++) {
      // Each comes ten times, among nineteen others, and never again.
      const documents = Array.from({ length: 6_000 }, (_, at) => ({
        a: `value ${round} ${Math.floor(at / 200)} ${at % 20}`,
      }));
      kept += write(encoder, documents).texts?.length ?? 0;
    }
    expect(kept).toBeGreaterThan(100);
    expect(kept).toBeLessThanOrEqual(4_096);
  });

  it('a chunk whose strings were never sent is an error, not a wrong document', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    write(encoder, states(100));
    const decoder = new TapeDecoder();
    const { shapes } = write(new TapeEncoder({ hotAfter: 1 }), states(100));
    const chunk = write(encoder, states(100));
    expect(() => read(decoder, { ...chunk, shapes })).toThrow(
      'its channel has not received the definition',
    );
  });
});
