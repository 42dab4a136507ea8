import { holding, TransactionQueue } from '../support/internals';

/* Operations of one transaction run one at a time, in the order of the calls. */

const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when the test says so, and what has become of it so far. */
class Work {
  state = 'waits';
  error: unknown;
  #end!: () => void;
  #fail!: (error: Error) => void;
  readonly result = new Promise<void>((resolve, reject) => {
    this.#end = resolve;
    this.#fail = reject;
  });

  constructor(
    queue: TransactionQueue,
    readonly what = 'insertOne',
    options: { signal?: AbortSignal; quiet?: boolean; kept?: boolean } = {},
  ) {
    queue
      .run({ what, ...options }, async () => {
        this.state = 'runs';
        await this.result;
      })
      .then(
        () => (this.state = 'done'),
        (error: unknown) => {
          this.state = 'failed';
          this.error = error;
        },
      );
  }

  async end(): Promise<void> {
    this.#end();
    await microtasks();
  }

  async fail(error: Error): Promise<void> {
    this.#fail(error);
    await microtasks();
  }
}

const states = (...works: Work[]): string[] => works.map(({ state }) => state);

describe('a transaction’s queue', () => {
  test('runs one operation at a time, in the order of the calls', async () => {
    const queue = new TransactionQueue();
    const works = [new Work(queue), new Work(queue), new Work(queue)];
    await microtasks();
    expect(states(...works)).toStrictEqual(['runs', 'waits', 'waits']);
    await works[0].end();
    expect(states(...works)).toStrictEqual(['done', 'runs', 'waits']);
    await works[1].end();
    await works[2].end();
    expect(states(...works)).toStrictEqual(['done', 'done', 'done']);
    expect(queue.busy).toBe(false);
  });

  test('goes on after an operation that fails, whose caller gets the error', async () => {
    const queue = new TransactionQueue();
    const [first, second] = [new Work(queue), new Work(queue)];
    const error = new Error('duplicate key');
    await first.fail(error);
    expect([first.error, ...states(first, second)]).toStrictEqual([error, 'failed', 'runs']);
  });

  test('lets no later call in between an operation and the one that is next', async () => {
    const queue = new TransactionQueue();
    const [first, second] = [new Work(queue), new Work(queue)];
    let third: Work | undefined;
    void first.result.then(() => (third = new Work(queue)));
    await first.end();
    expect(states(second, third!)).toStrictEqual(['runs', 'waits']);
  });

  test('drops an operation that is aborted while it waits', async () => {
    const queue = new TransactionQueue();
    const controller = new AbortController();
    const first = new Work(queue);
    const second = new Work(queue, 'insertOne', { signal: controller.signal });
    const third = new Work(queue);
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    await microtasks();
    expect([second.error, second.state]).toStrictEqual([reason, 'failed']);
    await first.end();
    expect(third.state).toBe('runs');
  });

  test('starts no operation whose signal is aborted already', async () => {
    const queue = new TransactionQueue();
    const reason = new Error('no longer wanted');
    const work = new Work(queue, 'insertOne', { signal: AbortSignal.abort(reason) });
    await microtasks();
    expect([work.error, work.state]).toStrictEqual([reason, 'failed']);
    expect(queue.busy).toBe(false);
  });
});

describe('an operation that holds its turn', () => {
  test('keeps later ones waiting when its caller has stopped waiting', async () => {
    const queue = new TransactionQueue();
    let end!: () => void;
    const atWork = new Promise<void>((resolve) => (end = resolve));
    const given = queue.run({ what: 'insertOne' }, async (hold) => {
      void holding(hold, () => atWork);
      throw new Error('aborted');
    });
    const second = new Work(queue);
    await expect(given).rejects.toThrow('aborted');
    await microtasks();
    expect(second.state).toBe('waits');
    expect(queue.abandoned).toBeDefined();
    end();
    await microtasks();
    expect(second.state).toBe('runs');
    expect(queue.abandoned).toBeUndefined();
  });

  test('passes the turn on when its work fails too', async () => {
    const queue = new TransactionQueue();
    const failed = queue.run({ what: 'insertOne' }, async (hold) => {
      await holding(hold, async () => await Promise.reject(new Error('duplicate key')));
    });
    const second = new Work(queue);
    await expect(failed).rejects.toThrow('duplicate key');
    await microtasks();
    expect(second.state).toBe('runs');
  });
});

describe('what is under way', () => {
  test('is named: what runs, else what waits', async () => {
    const queue = new TransactionQueue();
    expect(queue.underWay).toBeUndefined();
    const first = new Work(queue, 'insertOne');
    new Work(queue, 'updateOne');
    expect(queue.underWay).toBe('insertOne');
    await first.end();
    expect(queue.underWay).toBe('updateOne');
  });

  test('leaves out what the driver does on its own', () => {
    const queue = new TransactionQueue();
    new Work(queue, 'killCursors', { quiet: true });
    expect([queue.underWay, queue.busy]).toStrictEqual([undefined, true]);
    new Work(queue, 'insertOne');
    expect(queue.underWay).toBe('insertOne');
  });

  test('can be waited for', async () => {
    const queue = new TransactionQueue();
    await queue.idle();
    const works = [new Work(queue), new Work(queue)];
    let idle = false;
    void queue.idle().then(() => (idle = true));
    await works[0].end();
    expect(idle).toBe(false);
    await works[1].end();
    expect(idle).toBe(true);
  });
});

describe('when the transaction ends', () => {
  test('what waits fails, except for what is kept; what runs goes on', async () => {
    const queue = new TransactionQueue();
    const first = new Work(queue);
    const dropped = new Work(queue);
    const kept = new Work(queue, 'abortTransaction', { kept: true });
    const error = new Error('the transaction has ended');
    queue.empty(error);
    await microtasks();
    expect([dropped.error, ...states(first, dropped, kept)]).toStrictEqual([
      error,
      'runs',
      'failed',
      'waits',
    ]);
    await first.end();
    expect(kept.state).toBe('runs');
  });

  test('after its release nothing waits any more', async () => {
    const queue = new TransactionQueue();
    const first = new Work(queue);
    const kept = new Work(queue, 'abortTransaction', { kept: true });
    queue.release(new Error('the transaction has ended'));
    const later = new Work(queue);
    await microtasks();
    expect(states(first, kept, later)).toStrictEqual(['runs', 'runs', 'runs']);
  });
});
