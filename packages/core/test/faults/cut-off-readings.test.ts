import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { GridFSBucket, MongoClient, type FindCursor } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../support/clients';
import { killWorkers } from '../support/crash';
import { insertRaw } from '../support/raw-insert';
import { until } from '../support/until';

interface Numbered extends native.Document {
  _id: number;
}
type Cursor = FindCursor<Numbered>;
/** Called with each document; awaited if this way of reading lets its consumer wait. */
type Take = (document: Numbered) => Promise<void>;

const dbName = `cut_off_${process.pid}`;
const COUNT = 40;
const BATCH = 10;
const documents = Array.from({ length: COUNT }, (_, _id) => ({ _id }));
/** Documents after the result that the server reads and leaves out, so slowly that no read ends before its cut. */
const TAIL = Array.from({ length: 2_500 }, (_, index) => ({ _id: COUNT + index }));
const SLOW = { $where: `sleep(4) || this._id < ${COUNT}` } as native.Filter<Numbered>;
/** Position, inside a batch, at which a reader pauses to be cut off between two reads. */
const PAUSE_AT = 13;
const reason = new Error('no longer wanted');

let admin: native.MongoClient;
let nextName = 0;

beforeAll(() => {
  admin = new native.MongoClient(uri());
});
afterAll(async () => {
  await admin.db(dbName).dropDatabase();
  await admin.close();
});

/** Every way of reading a cursor to its end. */
const WAYS: Record<string, (cursor: Cursor, take: Take) => Promise<void>> = {
  toArray: async (cursor, take) => {
    for (const document of await cursor.toArray()) void take(document);
  },
  toList: async (cursor, take) => {
    for (const document of await cursor.toList(COUNT + 1)) void take(document);
  },
  'toList, a few at a time': async (cursor, take) => {
    for (let list = await cursor.toList(7); list.length > 0; list = await cursor.toList(7)) {
      for (const document of list) await take(document);
    }
  },
  'for await': async (cursor, take) => {
    for await (const document of cursor) await take(document);
  },
  'for await, mapped': async (cursor, take) => {
    for await (const document of cursor.map((one) => one)) await take(document);
  },
  next: async (cursor, take) => {
    for (let document = await cursor.next(); document !== null; document = await cursor.next()) {
      await take(document);
    }
  },
  'hasNext and next': async (cursor, take) => {
    while (await cursor.hasNext()) await take((await cursor.next())!);
  },
  tryNext: async (cursor, take) => {
    for (;;) {
      const document = await cursor.tryNext();
      if (document !== null) await take(document);
      else if (cursor.closed) return;
    }
  },
  forEach: async (cursor, take) => {
    await cursor.forEach((document) => void take(document));
  },
  each: async (cursor, take) => {
    let failure: Error | null = null;
    await cursor.each((error, document) => {
      failure ??= error;
      if (document !== null) void take(document);
    });
    if (failure !== null) throw failure as Error;
  },
  stream: async (cursor, take) => {
    const stream = cursor.stream().on('data', (document: Numbered) => void take(document));
    await once(stream, 'end');
  },
  'stream, by for await': async (cursor, take) => {
    for await (const document of cursor.stream()) await take(document);
  },
  batches: async (cursor, take) => {
    for await (const batch of cursor.batches()) for (const document of batch) await take(document);
  },
  'fetchNext and nextObject': async (cursor, take) => {
    while (await cursor.fetchNext) await take(cursor.nextObject()!);
  },
};
/** Ways of reading that do not wait for their consumer, so that they cannot be cut off between two reads. */
const NEVER_PAUSE = ['toArray', 'toList', 'forEach', 'each', 'stream'];

/** One way of reading, under way. */
interface Reading {
  client: MongoClient;
  cursor: Cursor;
  collection: string;
  comment: string;
  abort: AbortController;
  hasEnded: boolean;
}

type Cut = (reading: Reading, all: Reading[]) => Promise<unknown>;

/**
 * Waits until the server reads the collection for each of them. It does not yet when `commandStarted` says that the
 * command is on its way: a collection that is dropped before that is empty, and nothing of the result is missing.
 */
async function untilServerReads(readings: Reading[]): Promise<void> {
  const begun = new Set<unknown>();
  await until(async () => {
    const operations = [
      { $currentOp: { allUsers: true, idleCursors: true } },
      { $match: { $or: [{ type: 'idleCursor' }, { active: true, numYields: { $gt: 0 } }] } },
    ];
    for (const { command, cursor } of await admin.db('admin').aggregate(operations).toArray()) {
      const originating = (cursor as native.Document | undefined)?.originatingCommand;
      begun.add(((originating ?? command) as native.Document | undefined)?.comment);
    }
    return readings.every(({ hasEnded, comment }) => hasEnded || begun.has(comment));
  });
}

/** Kills what the server runs or keeps for a reading, until nothing of it is left: an operation may just have ended. */
async function kill(reading: Reading): Promise<void> {
  await until(async () => reading.hasEnded || (await killNow(reading)));
  await until(async () => !(await killNow(reading)));
}

async function killNow({ collection, comment }: Reading): Promise<boolean> {
  const operations = [
    { $currentOp: { allUsers: true, idleCursors: true } },
    {
      $match: {
        $or: [
          { 'command.comment': comment, active: true },
          { 'cursor.originatingCommand.comment': comment, type: 'idleCursor' },
        ],
      },
    },
  ];
  const found = await admin.db('admin').aggregate(operations).toArray();
  for (const { opid, cursor } of found) {
    const cursorId = (cursor as { cursorId?: native.Long } | undefined)?.cursorId;
    if (cursorId !== undefined) {
      await admin.db(dbName).command({ killCursors: collection, cursors: [cursorId] });
    } else {
      await admin.db('admin').command({ killOp: 1, op: opid as number });
    }
  }
  return found.length > 0;
}

/** Every way of cutting a read off, and the readers that one cut concerns. */
const CUTS: Record<string, { all?: true; between?: true; options?: native.Document; cut: Cut }> = {
  'its client is closed': { all: true, between: true, cut: ({ client }) => client.close() },
  'its client is closed by force': {
    all: true,
    between: true,
    cut: ({ client }) => client.close(true),
  },
  'its cursor is closed': { cut: ({ cursor }) => cursor.close() },
  'its worker dies': {
    all: true,
    between: true,
    cut: killWorkers,
  },
  'its deadline passes': {
    between: true,
    options: { deadlineMS: 200 },
    cut: ({ cursor }) => until(() => cursor.closed || cursor.killed),
  },
  'its signal is aborted': {
    between: true,
    cut: ({ abort }) => Promise.resolve(abort.abort(reason)),
  },
  'its cursor is killed at the server': { between: true, cut: kill },
  'its collection is dropped': {
    all: true,
    between: true,
    cut: async ({ collection }, all) => {
      await untilServerReads(all);
      await admin.db(dbName).collection(collection).drop();
    },
  },
};

type Moment = 'in its first command' | 'in a later command' | 'between two reads';

/** The result of a reading: everything, an error of a class that applications know, or a fault. */
async function outcomeOf(way: string, reading: Promise<void>, taken: Numbered[]): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, no) => {
    timer = setTimeout(() => no(new RangeError('it never settles')), 20_000);
  });
  try {
    await Promise.race([reading, late]);
    expect(taken).toStrictEqual(documents);
    return `${way}: whole`;
  } catch (error) {
    const isKnown = error === reason || error instanceof native.MongoError;
    return `${way}: ${isKnown ? 'rejected' : String(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** Reads in several ways side by side with one client, cuts each off at the moment, and returns their results. */
async function cutOff(
  ways: string[],
  moment: Moment,
  { all, options, cut }: (typeof CUTS)[string],
  tail = TAIL,
): Promise<string[]> {
  const collection = `numbers${nextName++}`;
  await admin
    .db(dbName)
    .collection<Numbered>(collection)
    .insertMany([...documents, ...tail]);
  await using client = new MongoClient(uri(), {
    monitorCommands: true,
    offload: { workers: 2, closeGraceMS: 100 },
  });
  await client.db(dbName).command({ ping: 1 });
  const reached = new Set<string>();
  client.on('commandStarted', ({ commandName, command }) => {
    const awaited = moment === 'in its first command' ? 'find' : 'getMore';
    if (commandName === awaited) reached.add(String(command.comment));
  });
  let resume!: () => void;
  const resumed = new Promise<void>((resolve) => (resume = resolve));
  const readings = ways.map((way) => {
    const abort = new AbortController();
    const comment = `${collection}: ${way}`;
    const own = { batchSize: BATCH, comment, signal: abort.signal, ...options };
    const cursor = client.db(dbName).collection<Numbered>(collection).find(SLOW, own);
    const taken: Numbered[] = [];
    const reading = WAYS[way](cursor, async (document) => {
      taken.push(document);
      if (moment !== 'between two reads' || taken.length !== PAUSE_AT) return;
      reached.add(`paused ${comment}`);
      await resumed;
    });
    const ended = outcomeOf(way, reading, taken);
    const one = { client, cursor, collection, comment, abort, ended, hasEnded: false };
    void ended.then(() => {
      one.hasEnded = true;
      reached.add(comment).add(`paused ${comment}`);
    });
    return one;
  });
  const untilReached = async ({ comment }: Reading): Promise<void> =>
    await until(() => reached.has(moment === 'between two reads' ? `paused ${comment}` : comment));
  if (all) {
    await Promise.all(readings.map(untilReached));
    await cut(readings[0], readings);
  } else {
    await Promise.all(
      readings.map(async (one) => (await untilReached(one), await cut(one, [one]))),
    );
  }
  resume();
  return await Promise.all(readings.map(({ ended }) => ended));
}

test('without a cut, every way of reading gives everything', async () => {
  const noCut = { cut: () => Promise.resolve() };
  const outcomes = await cutOff(Object.keys(WAYS), 'in a later command', noCut, []);
  expect(outcomes).toStrictEqual(Object.keys(WAYS).map((way) => `${way}: whole`));
});

describe.each(Object.keys(CUTS))('%s', (name) => {
  const moments: Moment[] = ['in its first command', 'in a later command'];
  if (CUTS[name].between === true) moments.push('between two reads');

  test.each(moments)('%s: every read gives the whole result or an error', async (moment) => {
    const ways = Object.keys(WAYS).filter(
      (way) => moment !== 'between two reads' || !NEVER_PAUSE.includes(way),
    );
    // A first command whose worker dies runs again in another, to its end.
    const runsAgain = name === 'its worker dies' && moment === 'in its first command';
    const outcomes = await cutOff(ways, moment, CUTS[name], runsAgain ? [] : TAIL);
    const wrong = outcomes.filter((outcome) => !/: (whole|rejected)$/.test(outcome));
    expect(wrong).toStrictEqual([]);
    if (runsAgain) return;
    expect(outcomes.some((outcome) => outcome.endsWith(': rejected'))).toBe(true);
  });
});

describe('a document that cannot be decoded', () => {
  // A document of the same shape as all others, but with these bytes.
  const withBytes = (_id: number, element: number[]): Uint8Array => {
    const id = [0x10, 0x5f, 0x69, 0x64, 0, _id, 0, 0, 0];
    return Uint8Array.of(4 + id.length + element.length + 1, 0, 0, 0, ...id, ...element, 0);
  };
  const string = (...bytes: number[]): number[] => [
    2,
    0x73,
    0,
    bytes.length + 1,
    0,
    0,
    0,
    ...bytes,
    0,
  ];
  const regularExpression = (option: string): number[] => [
    ...[0x0b, 0x73, 0, 0x61, 0],
    ...[option.charCodeAt(0), 0],
  ];
  const KINDS = {
    'a string that is no UTF-8': [string(0x61, 0x62), string(0x61, 0xff), {}],
    'an option that no regular expression has': [
      regularExpression('i'),
      regularExpression('z'),
      { bsonRegExp: true },
    ],
  } as const;
  const all = Object.entries(KINDS).flatMap(([kind, [good, bad, options]]) =>
    // In the first batch and in a later one; in a result that is a batch of its own.
    [5, 25].flatMap((at) =>
      [BATCH, 1_000].map((batchSize) => ({ kind, good, bad, options, at, batchSize })),
    ),
  );

  test.each(all)(
    '$kind, number $at, in batches of $batchSize: every way of reading gives the documents before it, then rejects',
    async ({ good, bad, options, at, batchSize }) => {
      const collection = `undecodable${nextName++}`;
      const raw = documents.map(({ _id }) => withBytes(_id, [...(_id === at ? bad : good)]));
      await insertRaw(dbName, collection, raw);
      await using client = new MongoClient(uri());
      const numbers = client.db(dbName).collection<Numbered>(collection);
      for (const [way, read] of Object.entries(WAYS)) {
        const taken: number[] = [];
        const reading = read(numbers.find({}, { batchSize, ...options }), ({ _id }) => {
          taken.push(_id);
          return Promise.resolve();
        });
        expect([way, await outcomeOf(way, reading, [])]).toStrictEqual([
          way,
          expect.stringMatching(/BSONError/),
        ]);
        // The documents before it, in order, and none after it.
        expect(taken).toStrictEqual(documents.slice(0, taken.length).map(({ _id }) => _id));
        expect(taken.length).toBeLessThanOrEqual(at);
      }
    },
  );
});

describe('a download from GridFS', () => {
  const CHUNK = 4096;
  // More than the server gives at once.
  const content = Buffer.alloc(CHUNK * 300 + 1, 'content of a file. ');
  const cuts: Record<string, (client: MongoClient, chunks: string) => Promise<unknown>> = {
    'its client is closed': (client) => client.close(),
    'its client is closed by force': (client) => client.close(true),
    'its worker dies': killWorkers,
    'its chunks are dropped': (_, chunks) => admin.db(dbName).collection(chunks).drop(),
    'its last chunks are deleted': (_, chunks) =>
      admin
        .db(dbName)
        .collection(chunks)
        .deleteMany({ n: { $gte: 290 } }),
    'its cursor is killed at the server': async (_, chunks) => {
      const idle = [
        { $currentOp: { allUsers: true, idleCursors: true } },
        { $match: { ns: `${dbName}.${chunks}`, type: 'idleCursor' } },
      ];
      for (const { cursor } of await admin.db('admin').aggregate(idle).toArray()) {
        const { cursorId } = cursor as { cursorId: native.Long };
        await admin.db(dbName).command({ killCursors: chunks, cursors: [cursorId] });
      }
    },
  };
  const moments = ['find', 'getMore', 'a pause of its reader'];

  async function uploaded(): Promise<string> {
    const bucketName = `files${nextName++}`;
    const bucket = new native.GridFSBucket(admin.db(dbName), { bucketName, chunkSizeBytes: CHUNK });
    await pipeline(Readable.from([content]), bucket.openUploadStream('file'));
    return bucketName;
  }

  test.each(Object.keys(cuts).flatMap((name) => moments.map((moment) => [name, moment])))(
    '%s, in %s: gives everything or an error',
    async (name, moment) => {
      const bucketName = await uploaded();
      await using client = new MongoClient(uri(), {
        monitorCommands: true,
        offload: { closeGraceMS: 100 },
      });
      const chunks = `${bucketName}.chunks`;
      let isReached = false;
      client.on('commandStarted', ({ commandName, command }) => {
        const on = (command.collection ?? command.find) as unknown;
        if (commandName === moment && on === chunks) isReached = true;
      });
      const download = new GridFSBucket(client.db(dbName), { bucketName }).openDownloadStreamByName(
        'file',
      );
      let resume!: () => void;
      const resumed = new Promise<void>((resolve) => (resume = resolve));
      const bytes: Buffer[] = [];
      const reading = (async () => {
        for await (const some of download) {
          bytes.push(some as Buffer);
          if (bytes.length !== 3 || !moment.startsWith('a pause')) continue;
          isReached = true;
          await resumed;
        }
      })();
      const ended = reading.then(
        () => Buffer.concat(bytes).equals(content),
        (error: unknown) => error,
      );
      void ended.then(() => (isReached = true));
      await until(() => isReached);
      await cuts[name](client, chunks);
      resume();
      const end = await ended;
      if (end !== true) expect(end).toBeInstanceOf(native.MongoError);
    },
  );

  test('rejects if its last chunks are missing, unless it ends before them', async () => {
    const bucketName = await uploaded();
    await admin
      .db(dbName)
      .collection(`${bucketName}.chunks`)
      .deleteMany({ n: { $gte: 299 } });
    await using client = new MongoClient(uri());
    const bucket = new GridFSBucket(client.db(dbName), { bucketName });
    const missing = buffer(bucket.openDownloadStreamByName('file'));
    await expect(missing).rejects.toThrow(native.MongoGridFSChunkError);
    await expect(missing).rejects.toThrow(/ChunkIsMissing/);
    const [start, end] = [CHUNK + 7, 290 * CHUNK + 5];
    const part = await buffer(bucket.openDownloadStreamByName('file', { start, end }));
    expect(part.equals(content.subarray(start, end))).toBe(true);
    const aborted = bucket.openDownloadStreamByName('file');
    await once(aborted, 'data');
    await aborted.abort();
    expect(aborted.errored).toBeNull();
  });
});
