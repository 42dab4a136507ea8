import type * as native from 'mongodb';

import { openClients, type Clients } from '../../support/clients';

// The write errors of a bulk write show their operation wherever the driver puts them, with and without a write concern
// error in the same reply.

interface Row {
  _id: number;
  v?: unknown;
}
type Rows = native.Collection<Row>;

let clients: Clients;

beforeAll(() => {
  clients = openClients();
});
afterAll(async () => {
  await clients.close();
});

const inserts = (documents: Row[]): native.AnyBulkWriteOperation<Row>[] =>
  documents.map((document) => ({ insertOne: { document } }));

const ways: Record<string, (on: Rows, documents: Row[], ordered: boolean) => Promise<unknown>> = {
  insertMany: (on, documents, ordered) => on.insertMany(documents, { ordered }),
  bulkWrite: (on, documents, ordered) => on.bulkWrite(inserts(documents), { ordered }),
  'bulkWrite of inserts and updates': (on, documents, ordered) =>
    on.bulkWrite(
      [
        ...inserts(documents),
        { updateOne: { filter: { _id: 1 }, update: { $set: { v: 1 } } } },
        { updateOne: { filter: { _id: 1 }, update: { $set: { _id: 7 } } } },
        { replaceOne: { filter: { _id: 1 }, replacement: { _id: 8 } as never } },
        { deleteOne: { filter: { $nothing: 1 } } },
      ],
      { ordered },
    ),
  'a bulk operation': (on, documents, ordered) => {
    const bulk = ordered ? on.initializeOrderedBulkOp() : on.initializeUnorderedBulkOp();
    for (const document of documents) bulk.insert(document);
    return bulk.execute();
  },
  'a bulk operation of updates': (on, _, ordered) => {
    const bulk = ordered ? on.initializeOrderedBulkOp() : on.initializeUnorderedBulkOp();
    bulk.find({ _id: 1 }).updateOne({ $set: { v: 1 } });
    bulk.find({ _id: 1 }).updateOne({ $set: { _id: 7 } });
    bulk.find({ _id: 2 }).update({ $set: { v: 1 } });
    bulk.find({ _id: 1 }).replaceOne({ _id: 8 });
    return bulk.execute();
  },
};

/** Every path from such an error to an operation, and whether that is the caller's own object. */
function shown(error: native.MongoBulkWriteError, documents: Row[]): unknown {
  const seen = (writeError: native.WriteError | undefined): unknown => {
    if (writeError === undefined) return undefined;
    const operation = writeError.getOperation() as Row;
    const json = JSON.parse(JSON.stringify(writeError)) as unknown;
    return { code: writeError.code, operation, json, own: documents.indexOf(operation) };
  };
  const { writeErrors, result } = error;
  const list = Array.isArray(writeErrors) ? writeErrors : [writeErrors];
  return {
    name: error.name,
    code: error.code,
    message: error.message,
    onError: list.map(seen),
    inResult: result.getWriteErrors().map(seen),
    first: seen(result.getWriteErrorAt(0)),
    same: list[0] === undefined || list[0] === result.getWriteErrorAt(0),
    concern: result.getWriteConcernError()?.code,
    insertedIds: error.insertedIds,
    counts: [result.insertedCount, result.modifiedCount, result.deletedCount],
  };
}

describe.each([true, false])('with a write concern error in the reply: %s', (concern) => {
  describe.each([true, false])('ordered: %s', (ordered) => {
    test.each(Object.entries(ways))('%s', async (_, write) => {
      const outcomes: unknown[] = [];
      for (const { db, client } of [clients.native, clients.ours]) {
        const on = db.collection<Row>('rows');
        await on.deleteMany({});
        await on.insertOne({ _id: 1 });
        if (concern) {
          await client.db('admin').command({
            configureFailPoint: 'failCommand',
            mode: 'alwaysOn',
            data: {
              failCommands: ['insert', 'update'],
              namespace: on.namespace,
              writeConcernError: { code: 64, errmsg: 'timed out' },
            },
          });
        }
        const documents: Row[] = [
          { _id: 2 },
          { _id: 1, v: 'again' },
          { _id: 2, v: 'too' },
          { _id: 3 },
        ];
        try {
          const error = await write(on, documents, ordered).then(
            () => undefined,
            (thrown: unknown) => thrown as native.MongoBulkWriteError,
          );
          outcomes.push(shown(error!, documents));
        } finally {
          await client.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' });
        }
      }
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(JSON.stringify(outcomes[0])).toContain('operation');
    });
  });
});

test.each(Object.entries(ways))('with raw replies, of %s', async (_way, write) => {
  const outcomes: unknown[] = [];
  for (const side of [clients.native, clients.ours]) {
    const on = side.db.collection<Row>('raw', { raw: true });
    await on.deleteMany({});
    await on.insertOne({ _id: 1 });
    const error = await write(on, [{ _id: 1 }, { _id: 2 }], false).then(
      () => undefined,
      (thrown: unknown) => thrown as native.MongoBulkWriteError,
    );
    outcomes.push([error?.name, error?.message, error?.insertedIds, error?.insertedCount]);
  }
  expect(outcomes[1]).toEqual(outcomes[0]);
});
