import { on } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { MongoClient } from 'mongodb';

const { uri, database, collection } = workerData;
const client = new MongoClient(uri);

for await (const [what] of on(parentPort, 'message')) {
  if (what === 'end') break;
  const cursor = client.db(database).collection(collection).find({}, { raw: true });
  while (await cursor.hasNext()) cursor.readBufferedDocuments();
  parentPort.postMessage('read');
}
await client.close();
parentPort.close();
