import { Binary, Double, Int32, Long, ObjectId } from 'mongodb';
import { randomFrom, randomLetters } from './random.mjs';

const words =
  `again always another around because before behind café city could early evening every façade first found
friend garden having house just later letter light little maybe morning music naïve never night nothing often
people place quiet rain really river shore since small something still street summer there thing think though
today together tonight under until very water where while window winter without world would writing 日本 привет`.split(
    /\s+/,
  );

/** The `_id` of the document of this number. */
export function idOf(number) {
  return ObjectId.createFromHexString(number.toString(16).padStart(24, '0'));
}

/**
 * Documents of one shape, whose strings and numbers differ: no two are equal, and their lengths vary about
 * those of the original.
 *
 * @param {object} original
 * @param {number} from the first document's number
 * @param {number} count
 * @param {object} [options]
 * @param {boolean} [options.withId]
 * @param {boolean} [options.manyShapes] of a tweet: some fields are null or absent in some documents, and arrays
 *   differ in length, as in data from the wild
 * @param {boolean} [options.letters] strings are random letters, so they get others, as many
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

/** The type stays; what is neither number nor bytes stays as it is. */
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

/** Free text gets other words and another length; dates, colours and addresses other digits. */
function varyString(text, random) {
  if (!text.includes(' ') || /\d\d:\d\d/.test(text)) {
    return text.replace(/\d/g, () => String(Math.floor(random() * 10)));
  }
  const length = text.length * (0.6 + random() * 0.8);
  let made = '';
  while (made.length < length) made += `${words[Math.floor(random() * words.length)]} `;
  return made.trimEnd();
}

/** What is longer than 32 bits is a 64-bit integer on the server, as the ids of real tweets are. */
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
