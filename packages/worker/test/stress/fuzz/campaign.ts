import { BSON } from 'mongodb';

import { decodeFaithful, type DecodeOptions } from '../../support/internals';
import { assertSameOutcome, outcomeOf, type Outcome } from '../../support/same';
import { allCombinations, expected, OPTION_SETS, Pipe } from '../../support/tape';
import { mutant, MUTATION_NAMES, type Mutant } from './mutate';
import { Random } from './random';
import { instance, template } from './sound';
import { surrounded } from './surroundings';

/** Inputs that share an encoder, a decoder and the shapes of a few kinds of documents. */
export const SERIES_INPUTS = 500;
const CHUNK_DOCUMENTS = 20;

export interface Counts {
  inputs: number;
  /** Inputs that are a document, to BSON.deserialize and from the tape. */
  documents: number;
  /** Inputs that are refused, by both in the same words. */
  errors: number;
  /** Sound documents that were sent among the inputs, and came out whole. */
  neighbours: number;
  /** Inputs that `decodeFaithful` took and that came back as the same bytes. */
  roundTrips: number;
  byMutation: Record<string, { documents: number; errors: number }>;
}

export function noCounts(): Counts {
  const byMutation = Object.fromEntries(
    [...MUTATION_NAMES, 'several'].map((name) => [name, { documents: 0, errors: 0 }]),
  );
  return { inputs: 0, documents: 0, errors: 0, neighbours: 0, roundTrips: 0, byMutation };
}

/** An input that did not come out as BSON.deserialize reads it, or a chunk that could not be made or read. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
  constructor(options: DecodeOptions, inputs: Mutant[], cause: unknown) {
    const bytes = inputs.map((input) => `  ${input.how}: ${input.bytes.toString('hex')}`);
    const { stack } = cause as Error;
    super([`With the options ${JSON.stringify(options)}`, ...bytes, stack].join('\n'), { cause });
  }
}

const PLAIN_SETS: DecodeOptions[] = [{}, { promoteValues: false }, { useBigInt64: true }];
const ALL_SETS = [...OPTION_SETS, ...allCombinations()];

/** Series `series` of the seed's inputs: up to `inputs` of them, added to `counts`. */
export function runSeries(seed: number, series: number, inputs: number, counts: Counts): void {
  const random = Random.part(seed, series);
  const templates = Array.from({ length: 1 + random.below(4) }, () => template(random));
  const pipe = new Pipe({
    encoder: {
      hotAfter: random.of([1, 1, 2, 4]),
      ...(random.oneIn(4) && { maxShapes: 3, maxNodes: 40 }),
      blockSize: random.of([64, 1_024, 32_768]),
    },
    decoder: { compileAfter: random.of([0, 1, 16]), compile: !random.oneIn(5) },
  });
  const sound = () => instance(random, random.of(templates));
  for (let left = inputs; left > 0; left -= CHUNK_DOCUMENTS) {
    const chunk: Mutant[] = [];
    const sent: Buffer[] = [];
    for (let at = Math.min(left, CHUNK_DOCUMENTS); at > 0; at--) {
      const origin = sound();
      const neighbour = { bytes: sound(), how: '' };
      const input = mutant(random, origin, neighbour.bytes);
      chunk.push(neighbour, input);
      sent.push(
        surrounded(random, neighbour.bytes, origin, origin),
        surrounded(random, input.bytes, origin, neighbour.bytes),
      );
    }
    const options = random.of(random.oneIn(2) ? PLAIN_SETS : ALL_SETS);
    check(pipe, chunk, sent, options, counts);
  }
}

function check(
  pipe: Pipe,
  chunk: Mutant[],
  sent: Buffer[],
  options: DecodeOptions,
  counts: Counts,
): void {
  let outcomes: Outcome[];
  try {
    outcomes = pipe.sendInPlace(sent, options);
  } catch (error) {
    throw new FuzzFailure(options, chunk, error);
  }
  chunk.forEach((input, at) => {
    const right = expected(input.bytes, options);
    try {
      assertSameOutcome(outcomes[at], right);
      assertUnpolluted();
      const isRoundTrip = checkFaithful(sent[at]);
      assertUnpolluted();
      if (isRoundTrip) counts.roundTrips++;
    } catch (error) {
      throw new FuzzFailure(options, [input], error);
    }
    if (input.how === '') {
      counts.neighbours++;
      return;
    }
    const tally = 'value' in right ? 'documents' : 'errors';
    counts.inputs++;
    counts[tally]++;
    counts.byMutation[input.how][tally]++;
  });
}

/**
 * Arguments are what BSON.serialize wrote, so that any input is first made that: what was serialized once must
 * come back as the same bytes. True when the input got so far.
 */
function checkFaithful(input: Uint8Array): boolean {
  const given = outcomeOf(() => decodeFaithful(input));
  if (!('value' in given)) return refused(given.error);
  const once = outcomeOf(() => BSON.serialize(given.value as BSON.Document));
  if (!('value' in once)) return refused(once.error);
  const bytes = Buffer.from(once.value as Uint8Array);
  const twice = Buffer.from(BSON.serialize(decodeFaithful(bytes)));
  if (!bytes.equals(twice)) {
    throw new Error(`decodeFaithful: ${bytes.toString('hex')} became ${twice.toString('hex')}`);
  }
  return true;
}

/** Whatever is refused is refused by a word of bson's, not by chance. */
function refused(error: string): false {
  if (!/^BSON\w*Error: ./.test(error)) throw new Error(`decodeFaithful threw ${error}`);
  return false;
}

const PROTOTYPES = [Object, Array, Function, Map, Buffer, Date, RegExp, BSON.ObjectId, BSON.Binary];
const PROPERTIES = PROTOTYPES.map(({ prototype }) => namesOf(prototype));

function assertUnpolluted(): void {
  PROTOTYPES.forEach(({ name, prototype }, at) => {
    if (namesOf(prototype) !== PROPERTIES[at]) throw new Error(`${name}.prototype was changed`);
  });
}

function namesOf(prototype: object): string {
  return Reflect.ownKeys(prototype).map(String).join();
}
