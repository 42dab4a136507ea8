import { randomUUID } from 'node:crypto';

import { MongoClient, type Collection, type OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from './clients';

export interface Numbered extends native.Document {
  _id: number;
}

/** A collection with documents numbered from 0, in a database of the test file's own. */
export interface Numbers {
  /** A client of ours, and its collection. */
  client: MongoClient;
  ours: Collection<Numbered>;
  /** A client of the driver's, to prepare and to observe. */
  admin: native.MongoClient;
  /** The database, and the client's `appName`. */
  dbName: string;
  close(): Promise<void>;
}

/** @param fields - further fields of each document */
export async function openNumbers(
  count: number,
  options: OffloadMongoClientOptions = {},
  fields: native.Document = {},
): Promise<Numbers> {
  const dbName = `numbers_${randomUUID().slice(0, 13)}`;
  const admin = new native.MongoClient(uri());
  const documents = Array.from({ length: count }, (_, _id) => ({ ...fields, _id }));
  await admin.db(dbName).collection<Numbered>('numbers').insertMany(documents);
  const client = new MongoClient(uri(), { appName: dbName, ...options });
  return {
    client,
    ours: client.db(dbName).collection('numbers'),
    admin,
    dbName,
    async close() {
      await client.close();
      await admin.db(dbName).dropDatabase();
      await admin.close();
    },
  };
}
