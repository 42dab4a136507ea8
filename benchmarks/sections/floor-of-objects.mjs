import { setImmediate as loopTurn } from 'node:timers/promises';
import { compileFunction } from 'node:vm';
import { MongoClient } from 'mongodb';
import { measured } from '../measure/measured.mjs';
import { memoryAtRest } from '../measure/memory.mjs';
import { Witness } from './witness.mjs';

/** Milliseconds of building documents before the event loop may turn. */
const sliceMS = 2;
const documentsInBlock = 16;

/**
 * Measures the cost of V8 alone: one compiled literal builds the same number of documents of the same shape from
 * constants, and an array keeps them, as `toArray()` does. Strings are slices of one block, which is cheaper than
 * decoding them. Values of rare BSON classes are shared, not built. There is no server, no worker, and there are no
 * bytes.
 */
export async function run({ uri, database, settings }) {
  const { collection, documents, repeat = 1, lightDocuments } = settings;
  const client = new MongoClient(uri);
  const sample = await client.db(database).collection(collection).findOne();
  await client.close();
  const { makeDocument, block, stride } = compile(sample);
  const make = (count) => async () => {
    const witness = new Witness();
    for (let round = 0; round < repeat; round++) {
      const made = [];
      let sliceEnds = performance.now() + sliceMS;
      while (made.length < count) {
        for (let i = 0; i < documentsInBlock; i++) made.push(makeDocument(block, i * stride));
        if (performance.now() < sliceEnds) continue;
        await loopTurn();
        sliceEnds = performance.now() + sliceMS;
      }
      for (const document of made) witness.look(document);
    }
  };
  const { metrics } = await measured({
    unit: 'document',
    count: documents * repeat,
    work: make(documents),
    light: lightDocuments && { count: lightDocuments, work: make(lightDocuments) },
    restingMemory: await memoryAtRest(),
  });
  return { metrics };
}

function compile(sample) {
  const shared = [];
  let text = '';
  const source = (value) => {
    if (typeof value === 'string') {
      const from = text.length;
      text += value;
      return `block.substring(at + ${from}, at + ${text.length})`;
    }
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    if (Array.isArray(value)) return `[${value.map(source).join(', ')}]`;
    if (value instanceof Date) return `new Date(${value.getTime()})`;
    if (value._bsontype === 'ObjectId') {
      shared.push(lightConstructor(value));
      return `new shared[${shared.length - 1}](${Object.values(value).join(', ')})`;
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) {
      shared.push(value);
      return `shared[${shared.length - 1}]`;
    }
    const fields = Object.entries(value).map(
      ([key, item]) => `${JSON.stringify(key)}: ${source(item)}`,
    );
    return `{ ${fields.join(', ')} }`;
  };
  const literal = source(sample);
  const makeDocument = compileFunction(`return (block, at) => (${literal})`, ['shared'])(shared);
  return { makeDocument, block: flat(text.repeat(documentsInBlock)), stride: text.length };
}

/** Returns the string as one piece of memory: `+` and `repeat` make a tree of pieces until something reads it. */
function flat(text) {
  const encoding = [...text].every((character) => character <= '\xff') ? 'latin1' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}

/** Makes objects of the same class and fields, without the checks of the class's constructor. */
function lightConstructor(value) {
  const keys = Object.keys(value);
  const body = keys.map((key) => `this.${key} = ${key};`).join(' ');
  const constructor = compileFunction(body, keys);
  constructor.prototype = Object.getPrototypeOf(value);
  return constructor;
}
