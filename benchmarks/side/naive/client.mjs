// A naive offload, as one writes it in an afternoon: the driver in worker threads behind Comlink, documents by
// structured clone. It has the part of the driver's API that the sections use.
import { Readable, Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { transfer, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { ObjectId } from 'mongodb';
import { pack, unpack } from './lost-classes.mjs';

export { ObjectId };

const batchSize = 1_000;

export class MongoClient {
  #uri;
  #options;
  #threads;
  #connected;
  #turn = 0;

  /** @param {{ workers?: number }} [options] and the driver's */
  constructor(uri, { workers = 1, ...options } = {}) {
    this.#uri = uri;
    this.#options = options;
    this.#threads = Array.from({ length: workers }, () => {
      const worker = new Worker(new URL('worker.mjs', import.meta.url));
      return { worker, driver: wrap(nodeEndpoint(worker)) };
    });
  }

  async connect() {
    this.#connected ??= Promise.all(
      this.#threads.map(({ driver }) => driver.connect(this.#uri, this.#options)),
    );
    await this.#connected;
    return this;
  }

  db(name) {
    return new Db(this, name);
  }

  /** Returns the driver of the next worker. */
  async driver() {
    if (this.#connected === undefined) await this.connect();
    this.#turn = (this.#turn + 1) % this.#threads.length;
    return this.#threads[this.#turn].driver;
  }

  async close() {
    await this.#connected;
    await Promise.all(
      this.#threads.map(async ({ worker, driver }) => {
        if (this.#connected !== undefined) await driver.close();
        await worker.terminate();
      }),
    );
  }
}

class Db {
  constructor(client, name) {
    this.client = client;
    this.name = name;
  }

  collection(name) {
    return new Collection(this, name);
  }

  async createCollection(name, ...options) {
    await this.#call('createCollection', [name, ...options]);
    return this.collection(name);
  }

  command(...args) {
    return this.#call('command', args);
  }

  dropDatabase() {
    return this.#call('dropDatabase', []);
  }

  async #call(method, args) {
    const driver = await this.client.driver();
    return unpack(await driver.onDb(this.name, method, pack(args)))[0];
  }
}

class Collection {
  constructor(db, name) {
    this.client = db.client;
    this.namespace = [db.name, name];
  }

  find(...args) {
    return new Cursor(this, args);
  }

  async call(method, args) {
    const driver = await this.client.driver();
    return unpack(await driver.onCollection(this.namespace, method, pack(args)))[0];
  }

  // Like the driver, this adds an `_id` to the caller's documents.
  insertOne(document, ...options) {
    document._id ??= new ObjectId();
    return this.call('insertOne', [document, ...options]);
  }

  insertMany(documents, ...options) {
    for (const document of documents) document._id ??= new ObjectId();
    return this.call('insertMany', [documents, ...options]);
  }

  bulkWrite(models, ...options) {
    for (const { insertOne } of models) if (insertOne) insertOne.document._id ??= new ObjectId();
    return this.call('bulkWrite', [models, ...options]);
  }
}

for (const method of [
  'findOne',
  'updateOne',
  'replaceOne',
  'deleteOne',
  'countDocuments',
  'estimatedDocumentCount',
  'createIndex',
  'drop',
]) {
  Collection.prototype[method] = function (...args) {
    return this.call(method, args);
  };
}

class Cursor {
  #collection;
  #args;
  #map = (document) => document;

  constructor(collection, args) {
    this.#collection = collection;
    this.#args = args;
  }

  map(transform) {
    this.#map = transform;
    return this;
  }

  async toArray() {
    const { client, namespace } = this.#collection;
    const driver = await client.driver();
    return unpack(await driver.toArray(namespace, pack(this.#args)));
  }

  async *batches() {
    const { client, namespace } = this.#collection;
    const driver = await client.driver();
    const id = await driver.openCursor(namespace, pack(this.#args));
    try {
      for (;;) {
        const documents = unpack(await driver.nextBatch(id, batchSize));
        if (documents.length > 0) yield documents;
        if (documents.length < batchSize) return;
      }
    } finally {
      await driver.closeCursor(id);
    }
  }

  async *[Symbol.asyncIterator]() {
    for await (const documents of this.batches()) {
      for (const document of documents) yield this.#map(document);
    }
  }

  stream() {
    return Readable.from(this);
  }
}

export class GridFSBucket {
  #db;

  constructor(db) {
    this.#db = db;
  }

  openUploadStream(name) {
    const { client, name: db } = this.#db;
    let driver;
    let id;
    return new Writable({
      construct(done) {
        const open = async () => {
          driver = await client.driver();
          id = await driver.openUpload(db, name);
        };
        open().then(() => done(), done);
      },
      // Transfers a copy, so the caller keeps its bytes.
      write(chunk, _encoding, done) {
        const bytes = new Uint8Array(chunk);
        driver.upload(id, transfer(bytes, [bytes.buffer])).then(() => done(), done);
      },
      final(done) {
        driver.endUpload(id).then(() => done(), done);
      },
    });
  }

  openDownloadStreamByName(name) {
    const { client, name: db } = this.#db;
    return Readable.from(
      (async function* () {
        const driver = await client.driver();
        const id = await driver.openDownload(db, name);
        for (let bytes; (bytes = await driver.download(id)) !== undefined;)
          yield Buffer.from(bytes.buffer);
      })(),
      { objectMode: false },
    );
  }
}
