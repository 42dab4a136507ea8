// @ts-check
// Started by lifetime.test.ts: keeps a mongod, prints its process id, and ends as it is told.
import { once } from 'node:events';
import { MongoClient } from 'mongodb';
import { startMongod } from '@mongo-offload/mongod';

const mongod = await startMongod();
const client = await MongoClient.connect(mongod.uri);
const { pid } = await client.db('admin').command({ serverStatus: 1 });
await client.close();
process.stdout.write(`${JSON.stringify([Number(pid)])}\n`);

const [order] = await once(process.stdin.setEncoding('utf8'), 'data');
if (order.trim() === 'exit') process.exit(0);
throw new Error('as told');
