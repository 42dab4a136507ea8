import { Worker } from 'node:worker_threads';

import { BSON } from 'mongodb';

import {
  CODEC_FOLDER,
  encodeModeOf,
  type TapeChunk,
  TapeDecoder,
  TapeEncoder,
} from '../../support/internals';
import { assertSame } from '../../support/same';

const EAGER = encodeModeOf({});

function write(encoder: TapeEncoder, documents: object[], lazy = false): void {
  for (const document of documents) {
    const bytes = BSON.serialize(document);
    encoder.write(bytes, 0, bytes.length, lazy ? 'lazy' : EAGER);
  }
}

function read(decoder: TapeDecoder, chunk: TapeChunk): BSON.Document[] {
  const documents: BSON.Document[] = [];
  decoder.open(structuredClone(chunk), {}).readInto(documents, Infinity);
  return documents;
}

/** A document of one of 2^12 shapes. */
function combination(bits: number): object {
  const document: Record<string, unknown> = { _id: bits };
  for (let at = 0; at < 12; at++) {
    if ((bits & (1 << at)) !== 0) document[`optional${at}`] = at % 2 === 0 ? at : `text ${at}`;
  }
  return document;
}

/** Whether documents like this one now cross in a shape. */
function hasShape(encoder: TapeEncoder, document: object): boolean {
  encoder.take({});
  write(encoder, [document]);
  return encoder.take({}).shapes !== undefined;
}

describe('shapes that are not used any more', () => {
  it('give way to new ones after every combination of twelve optional fields', () => {
    const encoder = new TapeEncoder();
    for (let round = 0; round < 4; round++) {
      for (let bits = 0; bits < 4_096; bits++) {
        write(encoder, [combination(bits)]);
        if (bits % 200 === 0) encoder.take({});
      }
    }
    const late = (n: number): object => ({ _id: n, late: 'comer', list: [{ n }], at: new Date(n) });
    for (let n = 0; n < 32; n++) write(encoder, [late(n)]);
    expect(hasShape(encoder, late(0))).toBe(true);
    expect(encoder.size.shapes).toBeLessThanOrEqual(2_000);
  });

  it('give way however many fields they have', () => {
    const encoder = new TapeEncoder({ maxNodes: 1_200 });
    const wide = (n: number): object =>
      Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`field ${n} ${at}`, at]));
    for (let n = 0; n < 60; n++) {
      for (let times = 0; times < (n % 20 === 0 ? 1_100 : 10); times++) {
        write(encoder, [wide(n)]);
        if (times % 10 === 0) encoder.take({});
      }
      if (n % 20 === 0) expect(hasShape(encoder, wide(n))).toBe(true);
      expect(encoder.size.nodes).toBeLessThanOrEqual(1_200);
    }
  });

  it('do not include those in constant use', () => {
    const encoder = new TapeEncoder({ maxShapes: 40 });
    const faithful = { _id: 1, always: 'here', nested: { n: 1 }, list: [{ a: 1 }, { b: 'x' }] };
    write(
      encoder,
      Array.from({ length: 20 }, () => faithful),
    );
    for (let n = 0; n < 300; n++) {
      write(
        encoder,
        Array.from({ length: 20 }, () => ({ _id: n, [`key${n % 300}`]: 1 })),
      );
      expect(hasShape(encoder, faithful)).toBe(true);
    }
  });

  it.each([false, true])('never change a document on any channel (lazy: %s)', (lazy) => {
    const encoder = new TapeEncoder({ hotAfter: 1, maxShapes: 30, maxNodes: 400, lazyFrom: 40 });
    const root = new TapeDecoder({ compileAfter: 2 });
    const channels = Array.from({ length: 4 }, (_, at) => ({
      key: {},
      decoder: at === 0 ? root : root.forChannel(),
      /** Chunks that are not read yet, and the documents that they must give. */
      waiting: [] as { chunk: TapeChunk; documents: object[] }[],
    }));
    const random = generator(7);
    const epochs = new Set<number>();
    const kept: [BSON.Document, object][] = [];
    for (let step = 0; step < 1_000; step++) {
      const channel = channels[random(channels.length)];
      const documents = Array.from({ length: 1 + random(8) }, () => sample(random));
      write(encoder, documents, lazy);
      const chunk = encoder.take(channel.key);
      epochs.add(chunk.epoch ?? 0);
      channel.waiting.push({ chunk, documents });
      // Each channel is read in order, at any later time.
      const reader = channels[random(channels.length)];
      for (const next of reader.waiting.splice(0, random(4))) {
        const found: BSON.Document[] = [];
        reader.decoder.open(structuredClone(next.chunk), { lazy }).readInto(found, Infinity);
        if (lazy && step % 3 === 0)
          found.forEach((one, at) => kept.push([one, next.documents[at]]));
        else assertSame(found, next.documents);
      }
    }
    for (const [found, document] of kept) assertSame(found, document);
    expect(epochs.size).toBeGreaterThan(5);
    expect(encoder.size.shapes).toBeLessThanOrEqual(30);
    expect(encoder.size.nodes).toBeLessThanOrEqual(800);
  });

  it('keep no memory on either side, with keys that are new in every document', () => {
    const encoder = new TapeEncoder({ hotAfter: 1 });
    const decoder = new TapeDecoder();
    const channel = {};
    for (let n = 0; n < 5_000; n++) {
      write(encoder, [
        { _id: n, [`new ${n}`]: n, common: { [`new ${n}`]: 1 }, list: [{ [`l${n}`]: 1 }] },
      ]);
      if (n % 50 === 49) expect(read(decoder, encoder.take(channel))).toHaveLength(50);
    }
    expect(encoder.size.shapes).toBeLessThanOrEqual(2_000);
    expect(encoder.size.nodes).toBeLessThanOrEqual(50_000);
  });
});

describe('a very wide document', () => {
  it.each(['top', 'nested', 'element'])('does not exhaust a small stack (%s)', async (where) => {
    const program = `
      const { BSON } = require('mongodb');
      const { TapeEncoder } = require(${JSON.stringify(CODEC_FOLDER)});
      const encoder = new TapeEncoder();
      const write = (document) => {
        const bytes = BSON.serialize(document, { minInternalBufferSize: 2 ** 23 });
        encoder.write(bytes, 0, bytes.length);
        encoder.take({});
      };
      const wide = Object.fromEntries(Array.from({ length: 45_000 }, (_, at) => ['key' + at, at]));
      const wider = { top: wide, nested: { wide }, element: { list: [wide, { list: [wide] }] } }.${where};
      for (let n = 0; n < 3; n++) write(wider);
      for (let n = 0; n < 8_000; n++) write({ ['new' + n]: { ['newer' + n]: 1 }, ['last' + n]: 1 });
      write(wider);
      if (encoder.size.nodes > 50_000) throw new Error('it keeps ' + encoder.size.nodes + ' nodes');
    `;
    const worker = new Worker(program, { eval: true, resourceLimits: { stackSizeMb: 0.5 } });
    const ended = await new Promise((resolve) => {
      worker.once('error', resolve);
      worker.once('exit', resolve);
    });
    expect(ended).toBe(0);
  });
});

/** A document with few fields, of a changing selection. */
function sample(random: (below: number) => number): object {
  const from = random(200);
  const document: Record<string, unknown> = { _id: from };
  for (let at = 0; at < 1 + random(3); at++) {
    const value = [
      at,
      `text ${from}`,
      { n: from, [`n${random(9)}`]: 'x'.repeat(40) },
      null,
      [{ [`e${random(40)}`]: at }, 'a'],
    ];
    document[`f${from + random(4) * at}`] = value[random(value.length)];
  }
  return document;
}

/** Numbers that look random, the same ones in each run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
