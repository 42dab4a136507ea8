import type { Collection, Document, MongoClient, UpdateResult } from 'mongodb';

import { underWay } from './slow';

interface Held extends Document {
  _id: string;
  n: number;
}

/**
 * A document that an open transaction of another client has written: the server holds each update of it
 * until it is released.
 */
export class HeldDocument {
  readonly #admin: MongoClient;
  readonly #session: ReturnType<MongoClient['startSession']>;

  private constructor(admin: MongoClient) {
    this.#admin = admin;
    this.#session = admin.startSession();
  }

  static async hold(admin: MongoClient, dbName: string): Promise<HeldDocument> {
    const collection = admin.db(dbName).collection<Held>('held');
    await collection.updateOne({ _id: 'held' }, { $set: { n: 0 } }, { upsert: true });
    const held = new HeldDocument(admin);
    held.#session.startTransaction();
    const options = { session: held.#session };
    await collection.updateOne({ _id: 'held' }, { $set: { by: 'the transaction' } }, options);
    return held;
  }

  /** Calls an update of it, and waits until the server has that and holds it. */
  async update(
    collection: Collection,
    options: { signal?: AbortSignal; deadlineMS?: number } = {},
  ): Promise<{ result: Promise<UpdateResult> }> {
    const comment = `held ${process.pid} ${Math.random()}`;
    const result = (collection as unknown as Collection<Held>).updateOne(
      { _id: 'held' },
      { $inc: { n: 1 } },
      { comment, ...options },
    );
    result.catch(() => undefined);
    await underWay(this.#admin, comment);
    return { result };
  }

  async release(): Promise<void> {
    if (this.#session.inTransaction()) await this.#session.abortTransaction();
    await this.#session.endSession();
  }
}
