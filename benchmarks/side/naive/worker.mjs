// The worker of the naive offload: the driver, and the methods that the main thread may call.
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { expose, transfer } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { GridFSBucket, MongoClient } from 'mongodb';
import { pack, unpack } from './lost-classes.mjs';

let client;
const open = new Map();
let lastId = 0;

const collection = ([db, name]) => client.db(db).collection(name);
const keep = (value) => {
  open.set(++lastId, value);
  return lastId;
};

expose(
  {
    async connect(uri, options) {
      client = new MongoClient(uri, options);
      await client.connect();
    },
    async close() {
      await client.close();
    },
    async onDb(db, method, args) {
      return pack([plain(await client.db(db)[method](...unpack(args)))]);
    },
    async onCollection(namespace, method, args) {
      return pack([plain(await collection(namespace)[method](...unpack(args)))]);
    },
    async toArray(namespace, args) {
      return pack(
        await collection(namespace)
          .find(...unpack(args))
          .toArray(),
      );
    },
    async openCursor(namespace, args) {
      return keep(collection(namespace).find(...unpack(args)));
    },
    /** Returns at most this number of documents; fewer mean that the cursor is at its end. */
    async nextBatch(id, size) {
      const cursor = open.get(id);
      const documents = [];
      while (documents.length < size && (await cursor.hasNext())) {
        documents.push(await cursor.next());
      }
      return pack(documents);
    },
    async closeCursor(id) {
      await open.get(id).close();
      open.delete(id);
    },
    async openUpload(db, name) {
      return keep(new GridFSBucket(client.db(db)).openUploadStream(name));
    },
    async upload(id, bytes) {
      const stream = open.get(id);
      if (!stream.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))) {
        await once(stream, 'drain');
      }
    },
    async endUpload(id) {
      const stream = open.get(id);
      stream.end();
      await once(stream, 'finish');
      open.delete(id);
      return stream.id.toHexString();
    },
    async openDownload(db, name) {
      const stream = new GridFSBucket(client.db(db)).openDownloadStreamByName(name);
      return keep(stream[Symbol.asyncIterator]());
    },
    async download(id) {
      const { value, done } = await open.get(id).next();
      if (done) {
        open.delete(id);
        return undefined;
      }
      const bytes = new Uint8Array(value);
      return transfer(bytes, [bytes.buffer]);
    },
  },
  nodeEndpoint(parentPort),
);

/**
 * A result that is not a plain object (a BulkWriteResult, a new Collection) cannot be cloned, or loses its getters.
 */
function plain(result) {
  if (result?.constructor?.name === 'Collection') return undefined;
  if (result?.constructor?.name !== 'BulkWriteResult') return result;
  const { insertedCount, matchedCount, modifiedCount, deletedCount, upsertedCount } = result;
  const { insertedIds, upsertedIds } = result;
  return {
    insertedCount,
    matchedCount,
    modifiedCount,
    deletedCount,
    upsertedCount,
    insertedIds,
    upsertedIds,
  };
}
