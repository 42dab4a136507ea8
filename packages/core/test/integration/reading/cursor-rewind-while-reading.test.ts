import { MongoServerError, type FindCursor } from '@mongo-offload/core';

import { failCommand } from '../../support/fail-point';
import { openNumbers, type Numbered, type Numbers } from '../../support/numbers';
import { until } from '../../support/until';

type Cursor = FindCursor<Numbered>;

const COUNT = 60;
let numbers: Numbers;

beforeAll(async () => {
  numbers = await openNumbers(COUNT, { monitorCommands: true });
});
afterAll(async () => await numbers.close());

const READINGS: Record<string, (cursor: Cursor) => Promise<unknown>> = {
  next: (cursor) => cursor.next(),
  hasNext: (cursor) => cursor.hasNext(),
  tryNext: (cursor) => cursor.tryNext(),
  toArray: (cursor) => cursor.toArray(),
  toList: (cursor) => cursor.toList(50),
  forEach: (cursor) => cursor.forEach(() => undefined),
  async 'for await'(cursor) {
    for await (const { _id } of cursor) expect(_id).toBeGreaterThan(9);
  },
  async stream(cursor) {
    for await (const { _id } of cursor.stream()) expect(_id).toBeGreaterThan(9);
  },
  'two next()': (cursor) => Promise.all([cursor.next(), cursor.next()]),
};

/** A cursor of which one batch has been read, and whose next one the server holds back until `release`. */
async function heldBack(read: (cursor: Cursor) => Promise<unknown>): Promise<{
  cursor: Cursor;
  reading: Promise<unknown>;
}> {
  const { admin, client, dbName, ours } = numbers;
  const cursor = ours.find({}, { batchSize: 10 }).sort({ _id: 1 });
  for (let i = 0; i < 10; i++) await cursor.next();
  let asked = false;
  client.once('commandStarted', () => (asked = true));
  await failCommand(
    admin,
    dbName,
    { times: 1 },
    { failCommands: ['getMore'], blockConnection: true, blockTimeMS: 300 },
  );
  const reading = read(cursor).then(
    () => 'read',
    (error: unknown) => error,
  );
  await until(() => asked);
  return { cursor, reading };
}

describe('a cursor that is rewound while a batch is on its way', () => {
  test.each(Object.keys(READINGS))('begins again whole, and %s rejects', async (name) => {
    const { cursor, reading } = await heldBack(READINGS[name]);

    cursor.rewind();
    const again = cursor.toArray();

    const error = await reading;
    expect(error).toBeInstanceOf(MongoServerError);
    expect(String(error)).toMatch('interrupted: the cursor was rewound');
    expect((await again).map(({ _id }) => _id)).toEqual(Array.from(Array(COUNT).keys()));
  });

  test.each(Object.keys(READINGS))('stays open after %s has rejected', async (name) => {
    const { cursor, reading } = await heldBack(READINGS[name]);

    cursor.rewind();
    await reading;

    expect(cursor.closed).toBe(false);
    expect(await cursor.toArray()).toHaveLength(COUNT);
  });
});
