import fc from 'fast-check';
import { BSON } from 'mongodb';

import * as arbitrary from '../support/arbitraries';
import { assertSameOutcome } from '../support/same';
import { allCombinations, assertExact, expected, OPTION_SETS, Pipe } from '../support/tape';

/** Raise it to search for longer: MONGO_OFFLOAD_TEST_EFFORT=20. */
const EFFORT = Number(process.env.MONGO_OFFLOAD_TEST_EFFORT ?? 1);
const combinations = allCombinations();

describe('what comes off the tape is what BSON.deserialize gives', () => {
  it('for documents of all types, met raw, interpreted and compiled, under every option', () => {
    fc.assert(
      fc.property(fc.array(arbitrary.documents, { minLength: 1, maxLength: 4 }), (documents) => {
        assertExact(documents.map((document) => BSON.serialize(document)));
      }),
      { numRuns: 80 * EFFORT },
    );
  });

  it('under every combination of the switches', () => {
    fc.assert(
      fc.property(arbitrary.documents, fc.constantFrom(...combinations), (document, options) => {
        assertExact([BSON.serialize(document)], [options, {}, options]);
      }),
      { numRuns: 500 * EFFORT },
    );
  });

  it('where code must not be made from strings', () => {
    fc.assert(
      fc.property(fc.array(arbitrary.documents, { minLength: 1, maxLength: 4 }), (documents) => {
        const bytes = documents.map((document) => BSON.serialize(document));
        assertExact(bytes, OPTION_SETS, { decoder: { compile: false } });
      }),
      { numRuns: 40 * EFFORT },
    );
  });

  it('for bytes that BSON.serialize would not write: the same document or the same error', () => {
    fc.assert(
      fc.property(fc.array(arbitrary.rawDocuments, { minLength: 1, maxLength: 4 }), (documents) => {
        assertExact(documents);
      }),
      { numRuns: 100 * EFFORT },
    );
  });

  it('when one encoder and one decoder live through many different documents', () => {
    const pipe = new Pipe({ encoder: { hotAfter: 2 }, decoder: { compileAfter: 2 } });
    fc.assert(
      fc.property(
        fc.array(arbitrary.documents, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(...OPTION_SETS),
        (documents, options) => {
          const bytes = documents.map((document) => BSON.serialize(document));
          pipe
            .send(bytes, options)
            .forEach((outcome, at) => assertSameOutcome(outcome, expected(bytes[at], options)));
        },
      ),
      { numRuns: 200 * EFFORT },
    );
  });

  it('when shapes and nodes are few and paths are dropped all the time', () => {
    const pipe = new Pipe({ encoder: { hotAfter: 1, maxShapes: 20, maxNodes: 60, blockSize: 64 } });
    fc.assert(
      fc.property(fc.array(arbitrary.documents, { minLength: 1, maxLength: 20 }), (documents) => {
        const bytes = documents.map((document) => BSON.serialize(document));
        pipe
          .send(bytes)
          .forEach((outcome, at) => assertSameOutcome(outcome, expected(bytes[at], {})));
      }),
      { numRuns: 200 * EFFORT },
    );
  });
});
