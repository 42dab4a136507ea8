import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import {
  GridFSBucket,
  type ChangeStream,
  type Collection,
  type MongoClient,
} from '@mongo-offload/core';
import * as native from 'mongodb';

import { until } from './until';

interface Insert {
  op: string;
}
interface Numbered {
  _id: number;
  n: number;
}

const ACCOUNTS = 10;
const BALANCE = 100;
const FILE = Buffer.alloc(300_000, 'whole');
const ROWS = 300;

/**
 * A mixed load on one client, which goes on until it is told to stop: reads, long-lived cursors, inserts,
 * increments, transfers between accounts, uploads, and a change stream that looks on. It remembers what was
 * acknowledged, and `verify` holds that against what the server has.
 */
export class Load {
  readonly #db: ReturnType<MongoClient['db']>;
  readonly #inserts: Collection<Insert>;
  readonly #counters: Collection<Numbered>;
  readonly #accounts: Collection<Numbered>;
  readonly #rows: Collection<Numbered>;
  readonly #bucket: GridFSBucket;
  readonly #changes: ChangeStream<Insert>;
  #watching!: Promise<void>;
  #lanes: Promise<void>[] = [];
  #running = true;
  readonly #inserted = new Set<string>();
  readonly #seen = new Map<string, number>();
  readonly #uploaded: native.ObjectId[] = [];
  /** Increments of each counter: acknowledged, and those that failed. */
  readonly #increments = Array.from({ length: 2 }, () => ({ acknowledged: 0, failed: 0 }));
  readonly failures: Record<string, number> = {};
  started = 0;
  settled = 0;
  acknowledged = 0;
  #transfers = 0;
  #scans = 0;

  constructor(
    readonly client: MongoClient,
    readonly dbName = `faults_${randomUUID().slice(0, 8)}`,
  ) {
    this.#db = client.db(dbName);
    const writeConcern = { w: 'majority' as const };
    this.#inserts = this.#db.collection('inserts', { writeConcern });
    this.#counters = this.#db.collection('counters', { writeConcern });
    this.#accounts = this.#db.collection('accounts', { writeConcern });
    this.#rows = this.#db.collection('rows');
    this.#bucket = new GridFSBucket(this.#db, { chunkSizeBytes: 64 * 1024, writeConcern });
    this.#changes = this.#inserts.watch<Insert>();
  }

  /** @param admin - makes the documents that the load needs: it has more patience than the client under test */
  async start(admin: native.MongoClient): Promise<void> {
    const made = async (name: string, length: number, n: number): Promise<void> => {
      const documents = Array.from({ length }, (_, _id) => ({ _id, n }));
      const options = { writeConcern: { w: 'majority' as const } };
      await admin.db(this.dbName).collection<{ _id: number }>(name).insertMany(documents, options);
    };
    await made('accounts', ACCOUNTS, BALANCE);
    await made('counters', this.#increments.length, 0);
    await made('rows', ROWS, 0);
    await admin.db(this.dbName).createCollection('inserts');
    this.#watching = this.#watch();
    this.#watching.catch(() => undefined);
    // The stream begins where the server first answers it.
    await until(async () => {
      await this.#inserts.insertOne({ op: 'begin' });
      return this.#seen.has('begin');
    });
    const lanes = [this.#insert, this.#insert, this.#insert, this.#read, this.#read];
    this.#lanes = [...lanes, this.#transfer, this.#transfer, this.#upload, this.#scan].map(
      async (operation) => await this.#repeat(operation.bind(this)),
    );
    this.#lanes.push(
      ...this.#increments.map(async (_, i) => await this.#repeat(() => this.#increment(i))),
    );
  }

  /** Waits until so many more operations have succeeded. */
  async progress(count: number): Promise<void> {
    const goal = this.acknowledged + count;
    await until(() => this.acknowledged >= goal);
  }

  /**
   * Waits until the change stream has come to what is inserted from now on. One that is still being opened again
   * is not resumed a second time, by the driver either.
   */
  async watched(): Promise<void> {
    const inserts = this.#inserted.size;
    await until(() => this.#inserted.size > inserts);
    const last = [...this.#inserted].at(-1)!;
    await Promise.race([until(() => this.#seen.has(last)), this.#watching]);
  }

  /** Resolves when all that was begun has settled. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#lanes);
  }

  /** Compares with what the server has, by a driver of its own; closes the change stream. */
  async verify(admin: native.MongoClient): Promise<void> {
    expect(this.settled).toBe(this.started);
    const db = admin.db(this.dbName, { readConcern: new native.ReadConcern('majority') });
    const stored = await db
      .collection('inserts')
      .aggregate<{ _id: string; times: number }>([{ $group: { _id: '$op', times: { $sum: 1 } } }])
      .toArray();
    const times = new Map(stored.map((one) => [one._id, one.times]));
    times.delete('begin');
    expect([...this.#inserted].filter((op) => !times.has(op))).toStrictEqual([]);
    expect([...times].filter(([, n]) => n !== 1)).toStrictEqual([]);
    for (const [i, { acknowledged, failed }] of this.#increments.entries()) {
      const { n } = (await db.collection<Numbered>('counters').findOne({ _id: i }))!;
      expect(n).toBeGreaterThanOrEqual(acknowledged);
      expect(n).toBeLessThanOrEqual(acknowledged + failed);
    }
    const accounts = await db.collection<Numbered>('accounts').find().toArray();
    expect(accounts).toHaveLength(ACCOUNTS);
    expect(accounts.reduce((sum, { n }) => sum + n, 0)).toBe(ACCOUNTS * BALANCE);
    const bucket = new native.GridFSBucket(db);
    for (const id of this.#uploaded) {
      const pieces = (await bucket.openDownloadStream(id).toArray()) as Buffer[];
      expect(FILE.equals(Buffer.concat(pieces))).toBe(true);
    }
    const all = async (): Promise<'all'> => {
      await until(() => [...times.keys()].every((op) => this.#seen.has(op)));
      return 'all';
    };
    expect(await Promise.race([all(), this.#watching])).toBe('all');
    this.#seen.delete('begin');
    expect([...this.#seen].filter(([op, n]) => n !== 1 || !times.has(op))).toStrictEqual([]);
    await this.#changes.close();
    await this.#watching.catch(() => undefined);
  }

  report(): string {
    const { started, acknowledged, failures } = this;
    return (
      `${started} operations, ${acknowledged} acknowledged; ${this.#inserted.size} inserts, ` +
      `${this.#transfers} transfers, ${this.#uploaded.length} uploads, ${this.#scans} cursors; failed: ${JSON.stringify(failures)}`
    );
  }

  async #watch(): Promise<void> {
    for await (const change of this.#changes) {
      if (change.operationType !== 'insert') continue;
      const { op } = change.fullDocument;
      this.#seen.set(op, (this.#seen.get(op) ?? 0) + 1);
    }
  }

  async #repeat(operation: () => Promise<unknown>): Promise<void> {
    while (this.#running) {
      this.started += 1;
      try {
        await operation();
        this.acknowledged += 1;
      } catch (error) {
        const { name, code, message } = error as native.MongoServerError;
        if (!(error instanceof native.MongoError)) {
          throw new Error(`no error of the driver's or ours: ${name}: ${message}`, {
            cause: error,
          });
        }
        const which = `${name}${code === undefined ? '' : ` ${code}`}`;
        this.failures[which] = (this.failures[which] ?? 0) + 1;
        await delay(20);
      } finally {
        this.settled += 1;
      }
    }
  }

  async #insert(): Promise<void> {
    const op = randomUUID();
    await this.#inserts.insertOne({ op });
    this.#inserted.add(op);
  }

  async #increment(i: number): Promise<void> {
    const counts = this.#increments[i];
    counts.failed += 1;
    await this.#counters.updateOne({ _id: i }, { $inc: { n: 1 } });
    counts.failed -= 1;
    counts.acknowledged += 1;
  }

  async #read(): Promise<void> {
    const accounts = await this.#accounts.find({}, { batchSize: 4 }).toArray();
    expect(accounts).toHaveLength(ACCOUNTS);
  }

  /** A cursor that is open most of the time; it gives what there is, each once, or an error. */
  async #scan(): Promise<void> {
    let next = 0;
    for await (const { _id } of this.#rows.find({}, { batchSize: 10, sort: { _id: 1 } })) {
      expect(_id).toBe(next++);
      if (_id % 10 === 0) await delay(5);
    }
    expect(next).toBe(ROWS);
    this.#scans += 1;
  }

  async #transfer(): Promise<void> {
    const from = Math.floor(Math.random() * ACCOUNTS);
    const to = (from + 1) % ACCOUNTS;
    await this.client.withSession(async (session) => {
      await session.withTransaction(async () => {
        await this.#accounts.updateOne({ _id: from }, { $inc: { n: -1 } }, { session });
        await this.#accounts.updateOne({ _id: to }, { $inc: { n: 1 } }, { session });
      });
    });
    this.#transfers += 1;
  }

  async #upload(): Promise<void> {
    const upload = this.#bucket.openUploadStream('file');
    await new Promise<void>((resolve, reject) => {
      upload.on('error', reject);
      upload.on('finish', resolve);
      upload.end(FILE);
    });
    this.#uploaded.push(upload.id);
    await delay(200);
  }
}
