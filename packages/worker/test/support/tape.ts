import { BSON } from 'mongodb';

import {
  type DecodeOptions,
  encodeModeOf,
  TapeDecoder,
  type TapeDecoderOptions,
  TapeEncoder,
  type TapeEncoderOptions,
} from './internals';
import { assertSame, assertSameOutcome, outcomeOf, type Outcome } from './same';

/** One of each option set that changes decoding, and some that combine or contradict each other. */
export const OPTION_SETS: readonly DecodeOptions[] = [
  {},
  { promoteValues: false },
  { promoteLongs: false },
  { promoteBuffers: true },
  { promoteBuffers: true, promoteValues: false },
  { useBigInt64: true },
  { bsonRegExp: true },
  { bsonRegExp: true, promoteValues: false, promoteLongs: false },
  { enableUtf8Validation: false },
  { ignoreUndefined: true },
  { fieldsAsRaw: {} },
  { fieldsAsRaw: { a: true, b: true } },
  { raw: true },
  { flatStrings: true },
  { flatStrings: true, promoteValues: false },
  { lazy: true },
  { lazy: true, flatStrings: true },
  { lazy: true, promoteValues: false, promoteBuffers: true },
  { lazy: true, useBigInt64: true },
  // Refused by BSON.deserialize, whatever the document.
  { useBigInt64: true, promoteLongs: false },
  { useBigInt64: true, promoteValues: false },
];

/** All combinations of the options that are plain switches. */
export function allCombinations(): DecodeOptions[] {
  const names = [
    'promoteValues',
    'promoteLongs',
    'promoteBuffers',
    'useBigInt64',
    'bsonRegExp',
    'enableUtf8Validation',
  ] as const;
  return Array.from({ length: 1 << names.length }, (_, bits) =>
    Object.fromEntries(names.map((name, at) => [name, (bits & (1 << at)) !== 0])),
  );
}

/** What the driver does with a document's bytes. */
export function expected(bytes: Uint8Array, options: DecodeOptions): Outcome {
  if (options.raw) return { value: Buffer.from(bytes) };
  const { enableUtf8Validation, flatStrings: _, lazy: __, ...rest } = options;
  return outcomeOf(() =>
    BSON.deserialize(bytes, { ...rest, validation: { utf8: enableUtf8Validation !== false } }),
  );
}

export interface PipeOptions {
  encoder?: TapeEncoderOptions;
  decoder?: TapeDecoderOptions;
}

/** An encoder and the decoder on the other side of its one channel. */
export class Pipe {
  readonly encoder: TapeEncoder;
  readonly decoder: TapeDecoder;
  readonly #channel = {};

  constructor({ encoder = {}, decoder = {} }: PipeOptions = {}) {
    this.encoder = new TapeEncoder({ hotAfter: 1, lazyFrom: 12, ...encoder });
    this.decoder = new TapeDecoder({ compileAfter: 1, ...decoder });
  }

  /** Each document's outcome. The chunk is cloned on its way, as between threads. */
  send(documents: readonly Uint8Array[], options: DecodeOptions = {}): Outcome[] {
    // As in a reply: all documents are parts of one buffer, at odd places.
    const reply = Buffer.concat(documents.flatMap((bytes) => [bytes, Buffer.from('+')]));
    let at = 0;
    const places = documents.map(({ length }) => {
      const place = reply.subarray(at, at + length);
      at += length + 1;
      return place;
    });
    return this.sendInPlace(places, options);
  }

  /** The same for documents that are parts of buffers already. */
  sendInPlace(documents: readonly Uint8Array[], options: DecodeOptions): Outcome[] {
    const mode = encodeModeOf(options);
    for (const bytes of documents) this.encoder.write(bytes, 0, bytes.length, mode);
    const chunk = this.encoder.take(this.#channel);
    const received = structuredClone(chunk, { transfer: [chunk.buffer] });
    const reader = this.decoder.open(received, options);
    return documents.map(() => outcomeOf(() => reader.next()));
  }
}

/**
 * Sends the documents often enough that each is met raw, interpreted and compiled, and compares each time
 * with what BSON.deserialize gives.
 */
export function assertExact(
  documents: readonly Uint8Array[],
  optionSets: readonly DecodeOptions[] = OPTION_SETS,
  pipeOptions: PipeOptions = {},
): void {
  const pipe = new Pipe({ encoder: { hotAfter: 2 }, ...pipeOptions });
  for (const options of optionSets) {
    const outcomes = documents.map((bytes) => expected(bytes, options));
    for (let round = 0; round < 3; round++) {
      pipe
        .send(documents, options)
        .forEach((outcome, at) => assertSameOutcome(outcome, outcomes[at]));
    }
  }
}

export function assertDocument(outcome: Outcome, document: unknown): void {
  if ('error' in outcome) throw new Error(outcome.error);
  assertSame(outcome.value, document);
}
