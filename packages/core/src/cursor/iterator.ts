import type { AbstractCursor } from 'mongodb';

import type { CursorInternals } from '../driver';
import { checkNotCutOff, cutOff, isOutdated } from './remote';
import { sliceIsOver, yieldAfter } from './slice';

type Cursor = AbstractCursor & CursorInternals;

/** Documents that are handed out between two looks at the clock: one costs a hundredth of a document. */
const LOOK_EVERY = 4;

const DONE: IteratorReturnResult<void> = { value: undefined, done: true };

/**
 * The driver's async iteration, without a generator and without `next()` for documents that have
 * arrived: those are handed out in promises that are resolved already. Measured: a third of the
 * main thread's time per document of a generator over `next()`.
 */
export class CursorIterator implements AsyncGenerator<unknown, void, void> {
  readonly #cursor: Cursor;
  readonly #sliceMS: number;
  #taken = 0;
  #state: 'fresh' | 'running' | 'done' = 'fresh';
  /** The last step that has not ended: steps run one after the other. */
  #busy: Promise<void> | undefined;

  /** @param sliceMS - milliseconds for which documents that have arrived are handed out in one turn of the loop */
  constructor(cursor: Cursor, sliceMS: number) {
    this.#cursor = cursor;
    this.#sliceMS = sliceMS;
  }

  next(): Promise<IteratorResult<unknown, void>> {
    const cursor = this.#cursor;
    if (
      this.#state === 'running' &&
      this.#busy === undefined &&
      cursor.transform === undefined &&
      cursor.signal === undefined &&
      !cursor.isKilled
    ) {
      const { documents } = cursor;
      if (documents !== null && documents.length > 0) {
        try {
          const value: unknown = documents.shift();
          this.#taken += 1;
          if (this.#taken % LOOK_EVERY === 0 && sliceIsOver(this.#sliceMS)) {
            return this.#queue(() => this.#behindTurn(value));
          }
          return Promise.resolve({ value, done: false });
        } catch (error) {
          // The reader is past the bytes that it could not decode; no later step would fail on them.
          return this.#queue(() => this.#fail(error));
        }
      }
    }
    return this.#queue(() => this.#step());
  }

  async return(value?: void | PromiseLike<void>): Promise<IteratorResult<unknown, void>> {
    return await this.#queue(async () => {
      if (this.#state === 'running') await this.#finish();
      this.#state = 'done';
      return { value: await value, done: true };
    });
  }

  async throw(error: unknown): Promise<IteratorResult<unknown, void>> {
    return await this.#queue(async () => {
      if (this.#state === 'running') await this.#finish();
      this.#state = 'done';
      throw error;
    });
  }

  /** By which programs tell an async generator from other objects. */
  get [Symbol.toStringTag](): string {
    return 'AsyncGenerator';
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #queue<T>(step: () => Promise<T>): Promise<T> {
    const before = this.#busy;
    let release!: () => void;
    const busy = new Promise<void>((resolve) => (release = resolve));
    this.#busy = busy;
    return this.#take(before, step, () => {
      if (this.#busy === busy) this.#busy = undefined;
      release();
    });
  }

  /** Only the caller may wait for the returned promise: V8 follows an async stack through a single waiter only. */
  async #take<T>(
    before: Promise<void> | undefined,
    step: () => Promise<T>,
    done: () => void,
  ): Promise<T> {
    try {
      if (before !== undefined) await before;
      return await step();
    } finally {
      done();
    }
  }

  /** Gives a document after the event loop has turned. Later calls wait for it. */
  async #behindTurn(value: unknown): Promise<IteratorResult<unknown, void>> {
    await yieldAfter(this.#sliceMS);
    // Someone else closed the cursor meanwhile. The next step would take that for a loop that the application has left.
    if (this.#cursor.isKilled) return await this.#fail(cutOff(this.#cursor));
    return { value, done: false };
  }

  async #step(): Promise<IteratorResult<unknown, void>> {
    if (this.#state === 'done') return DONE;
    const cursor = this.#cursor;
    if (this.#state === 'fresh') {
      this.#state = 'running';
      if (cursor.signal?.aborted) this.#state = 'done';
      cursor.signal?.throwIfAborted();
      if (cursor.closed) {
        this.#state = 'done';
        checkNotCutOff(cursor);
        return DONE;
      }
    }
    try {
      cursor.signal?.throwIfAborted();
      if (isOver(cursor)) {
        checkNotCutOff(cursor);
      } else {
        const document: unknown = await cursor.next();
        // As in #behindTurn, since next() may wait for a turn of the event loop too.
        if (document !== null && cursor.isKilled) throw cutOff(cursor);
        if (document !== null) return { value: document, done: false };
      }
    } catch (error) {
      return await this.#fail(error);
    }
    await this.#finish();
    return DONE;
  }

  async #fail(error: unknown): Promise<never> {
    this.#state = 'done';
    // A cursor that was rewound meanwhile stays open for its next reader.
    if (!isOutdated(error)) await closeQuietly(this.#cursor);
    throw error;
  }

  /** Leaves the loop: closes the cursor, on the server too, if it is not closed yet. */
  async #finish(): Promise<void> {
    this.#state = 'done';
    await closeQuietly(this.#cursor);
  }
}

/** Closes a cursor that is not closed yet. As with the driver, the program hears of what ended its loop, not of this. */
export async function closeQuietly(cursor: Cursor): Promise<void> {
  if (cursor.isClosed) return;
  try {
    await cursor.close();
  } catch {
    // the server forgets an idle cursor by itself
  }
}

/** As the driver's own iterator decides that there is nothing more to read. */
export function isOver(cursor: Cursor): boolean {
  if (cursor.isKilled || cursor.closed) return true;
  return cursor.cursorId != null && cursor.isDead && (cursor.documents?.length ?? 0) === 0;
}
