import {
  Binary,
  BSONRegExp,
  Code,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from 'mongodb';
import { generatedTweet } from './generated-tweet.mjs';
import { randomFrom, randomLetters } from './random.mjs';

/** Makes documents of the same shape as those of the drivers' common benchmark, if those are absent. */
export function generate(kind) {
  const random = randomFrom(kind.length);
  return kinds[kind](random);
}

const kinds = {
  tweet: () => generatedTweet,
  small: (random) => ({
    ...fields(7, 8, () => randomLetters(8, random), random),
    ...fields(6, 8, () => wholeNumber(random, 1e8), random),
  }),
  large: (random) => ({
    ...fields(47_177, 12, () => randomLetters(12, random), random),
    ...fields(47_178, 12, () => wholeNumber(random, 1e8), random),
  }),
  deep: (random) => tree(6, random),
  flat: (random) =>
    shuffled(random, [
      [48, () => randomLetters(80, random)],
      [24, () => new Int32(wholeNumber(random, 100))],
      [24, () => long(random)],
      [24, () => new Double(random() * 1e19)],
      [24, () => random() < 0.5],
    ]),
  full: (random) =>
    shuffled(random, [
      [6, () => randomLetters(80, random)],
      [12, () => long(random)],
      [6, () => new Int32(wholeNumber(random, 100))],
      [12, () => random() < 0.5],
      [6, () => new MinKey()],
      [6, () => new MaxKey()],
      [
        6,
        () =>
          Array.from({ length: wholeNumber(random, 10) }, () => new Int32(wholeNumber(random, 10))),
      ],
      [6, () => new Binary(Buffer.from(randomLetters(80, random)))],
      [6, () => new Date(wholeNumber(random, 1.5e12))],
      [2, () => new BSONRegExp(randomLetters(8, random))],
      [6, () => new Code(randomLetters(80, random), {})],
      [
        6,
        () =>
          new Code(
            randomLetters(80, random),
            fields(5, 8, () => wholeNumber(random, 99), random),
          ),
      ],
      [6, () => new Timestamp({ t: wholeNumber(random, 100), i: wholeNumber(random, 1e9) })],
      [4, () => ({})],
    ]),
};

function fields(count, keyLength, valueOf, random) {
  const made = {};
  for (let i = 0; i < count; i++) made[randomLetters(keyLength, random)] = valueOf();
  return made;
}

/** Makes the given number of fields of each type, in random order. */
function shuffled(random, types) {
  const values = types.flatMap(([count, valueOf]) => Array.from({ length: count }, valueOf));
  const order = values
    .map((value) => ({ value, place: random() }))
    .sort((a, b) => a.place - b.place);
  return {
    _id: ObjectId.createFromTime(1),
    ...Object.fromEntries(order.map(({ value }) => [randomLetters(8, random), value])),
  };
}

function tree(depth, random) {
  if (depth === 1)
    return { rightValue: randomLetters(8, random), leftValue: randomLetters(8, random) };
  return { right: tree(depth - 1, random), left: tree(depth - 1, random) };
}

function wholeNumber(random, below) {
  return Math.floor(random() * below);
}

function long(random) {
  return Long.fromNumber(random() * 2 ** 63);
}
