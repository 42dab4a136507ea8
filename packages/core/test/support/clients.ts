import { randomUUID } from 'node:crypto';

import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

/** The server of this test run: a replica set of one member. */
export function uri(): string {
  const { MONGODB_TEST_URI } = process.env;
  if (MONGODB_TEST_URI === undefined) throw new Error('jest.config.ts starts the server for tests');
  return MONGODB_TEST_URI;
}

export interface Side<Client extends native.MongoClient> {
  client: Client;
  db: ReturnType<Client['db']>;
}

/** Both drivers on one database of this test file's own. */
export interface Clients {
  ours: Side<MongoClient>;
  native: Side<native.MongoClient>;
  dbName: string;
  close(): Promise<void>;
}

export function openClients(options: OffloadMongoClientOptions = {}): Clients {
  const dbName = `test_${randomUUID().slice(0, 13)}`;
  const ours = new MongoClient(uri(), options);
  const { offload: _, ...driverOptions } = options;
  const theirs = new native.MongoClient(uri(), driverOptions);
  return {
    ours: { client: ours, db: ours.db(dbName) },
    native: { client: theirs, db: theirs.db(dbName) },
    dbName,
    async close() {
      await theirs.db(dbName).dropDatabase();
      await Promise.all([ours.close(), theirs.close()]);
    },
  };
}
