import { Binary, Double, Int32, Long, ObjectId } from 'mongodb';
import { randomFrom, randomLetters } from './random.mjs';

const words =
  `again always another around because before behind café city could early evening every façade first found
friend garden having house just later letter light little maybe morning music naïve never night nothing often
people place quiet rain really river shore since small something still street summer there thing think though
today together tonight under until very water where while window winter without world would writing 日本 привет`.split(
    /\s+/,
  );

/** Returns the `_id` of the document with this number. */
export function idOf(number) {
  return ObjectId.createFromHexString(number.toString(16).padStart(24, '0'));
}

/**
 * Makes documents of one shape with different strings and numbers. No two are equal, and their lengths vary around
 * the length of the original.
 *
 * @param {object} original
 * @param {number} from the first document's number
 * @param {number} count
 * @param {object} [options]
 * @param {boolean} [options.withId]
 * @param {boolean} [options.manyShapes] for tweets: some documents have null or absent fields, and arrays of
 *   different lengths, as in real data
 * @param {boolean} [options.letters] replaces strings of random letters by others of the same length
 */
export function documents(original, from, count, options = {}) {
  const { withId = true, manyShapes = false, letters = false } = options;
  const { _id, ...fields } = original;
  const made = [];
  for (let number = from; number < from + count; number++) {
    const random = randomFrom(number);
    const varyText = letters ? varyLetters : varyString;
    const document = vary(fields, random, varyText);
    if (manyShapes) varyShape(document, random);
    made.push(withId ? { _id: idOf(number), ...document } : document);
  }
  return made;
}

function vary(value, random, varyText) {
  if (typeof value === 'string') return varyText(value, random);
  if (typeof value === 'number') return varyNumber(value, random);
  if (Array.isArray(value)) return value.map((item) => vary(item, random, varyText));
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return new Date(Math.floor(value.getTime() * random()));
  if (value._bsontype !== undefined) return varyBson(value, random);
  const copy = {};
  for (const [key, item] of Object.entries(value)) copy[key] = vary(item, random, varyText);
  return copy;
}

/** Keeps the type. Returns a value that is neither a number nor bytes unchanged. */
function varyBson(value, random) {
  switch (value._bsontype) {
    case 'Int32':
      return new Int32(Math.floor(value.value * (0.5 + random() / 2)));
    case 'Double':
      return new Double(value.value * (0.5 + random() / 2));
    case 'Long':
      return value.shiftRight(Math.floor(random() * 8)).xor(Math.floor(random() * 2 ** 31));
    case 'Binary':
      return new Binary(Buffer.from(randomLetters(value.length(), random)), value.sub_type);
    default:
      return value;
  }
}

function varyLetters(text, random) {
  return randomLetters(text.length, random);
}

/** Replaces free text by other words of another length, and the digits of dates, colours and addresses. */
function varyString(text, random) {
  if (!text.includes(' ') || /\d\d:\d\d/.test(text)) {
    return text.replace(/\d/g, () => String(Math.floor(random() * 10)));
  }
  const length = text.length * (0.6 + random() * 0.8);
  let made = '';
  while (made.length < length) made += `${words[Math.floor(random() * words.length)]} `;
  return made.trimEnd();
}

/** Numbers longer than 32 bits become 64-bit integers on the server, like the ids of real tweets. */
function varyNumber(number, random) {
  const varied = Math.floor(number * (0.5 + random() / 2));
  return Math.abs(varied) >= 2 ** 31 || Math.abs(number) >= 2 ** 32
    ? Long.fromNumber(varied)
    : varied;
}

function varyShape(document, random) {
  const { entities, user } = document;
  const [mention] = entities.user_mentions;
  entities.user_mentions = Array.from({ length: Math.floor(random() * 4) }, () => ({ ...mention }));
  entities.hashtags = Array.from({ length: Math.floor(random() * 3) }, () => ({
    text: words[Math.floor(random() * words.length)],
    indices: [0, 9],
  }));
  if (random() < 0.3) document.coordinates = { type: 'Point', coordinates: [random(), random()] };
  if (random() < 0.5) document.in_reply_to_status_id = null;
  if (random() < 0.2) user.location = null;
  if (random() < 0.2) delete user.url;
}
