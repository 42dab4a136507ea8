import { DeadlineExceededError, OverloadedError } from '@mongo-offload/core';
import { MongoClientClosedError } from 'mongodb';

import { InFlight, Lifetime, resolveOffloadOptions } from '../support/internals';

/* How many operations of a client may be under way, and which of the others goes next. */

const bounded = (maxInFlight: number, maxQueued = 10): InFlight =>
  new InFlight(resolveOffloadOptions({ maxInFlight, maxQueued }));

const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An operation that waits in line, and what has become of it so far. */
function waiting(inFlight: InFlight, signal?: AbortSignal) {
  const operation: { state: string; error?: unknown } = { state: 'waits' };
  inFlight.wait('findOne', signal).then(
    () => (operation.state = 'admitted'),
    (error: unknown) => {
      operation.state = 'refused';
      operation.error = error;
    },
  );
  return operation;
}

describe('the bound on operations', () => {
  test('is reached by the operations under way, and no longer when one ends', () => {
    const inFlight = bounded(2);
    inFlight.begin();
    expect(inFlight.isFull).toBe(false);
    inFlight.begin();
    expect(inFlight.isFull).toBe(true);
    inFlight.end();
    expect([inFlight.isFull, inFlight.size]).toStrictEqual([false, 1]);
  });

  test('does not count what goes beside it, which close waits for', () => {
    const inFlight = bounded(1);
    inFlight.begin('uncounted');
    expect([inFlight.isFull, inFlight.size]).toStrictEqual([false, 1]);
    inFlight.end('uncounted');
    expect(inFlight.size).toBe(0);
  });

  test('counts nothing that goes apart', () => {
    const inFlight = bounded(1);
    inFlight.begin('background');
    expect([inFlight.isFull, inFlight.size]).toStrictEqual([false, 0]);
    inFlight.end('background');
    expect(inFlight.size).toBe(0);
  });

  test('admits those that wait in their order, one for each that ends', async () => {
    const inFlight = bounded(1);
    inFlight.begin();
    const line = [waiting(inFlight), waiting(inFlight)];
    const states = async (): Promise<string[]> => {
      await microtasks();
      return line.map(({ state }) => state);
    };
    expect(await states()).toStrictEqual(['waits', 'waits']);
    inFlight.end();
    expect(await states()).toStrictEqual(['admitted', 'waits']);
    inFlight.started();
    expect(await states()).toStrictEqual(['admitted', 'waits']);
    inFlight.end();
    expect(await states()).toStrictEqual(['admitted', 'admitted']);
  });

  test('stays full until those that were admitted have started, so that none overtakes them', async () => {
    const inFlight = bounded(2);
    inFlight.begin();
    inFlight.begin();
    waiting(inFlight);
    inFlight.end();
    inFlight.end();
    await microtasks();
    expect([inFlight.size, inFlight.isFull]).toStrictEqual([1, true]);
    inFlight.started();
    expect(inFlight.isFull).toBe(false);
  });

  test('refuses what finds the line full, with the figures', async () => {
    const inFlight = bounded(1, 2);
    inFlight.begin();
    waiting(inFlight);
    waiting(inFlight);
    const refused = waiting(inFlight);
    await microtasks();
    expect(refused.error).toBeInstanceOf(OverloadedError);
    expect(refused.error).toMatchObject({
      inFlight: 1,
      queued: 2,
      message: expect.stringMatching(/^findOne .*\b1 operations.* 2 wait/) as string,
    });
    expect(inFlight.queued).toBe(2);
  });
});

describe('an operation that waits in line', () => {
  test('leaves it with the reason of its signal, and the next is admitted in its place', async () => {
    const inFlight = bounded(1);
    inFlight.begin();
    const controller = new AbortController();
    const aborted = waiting(inFlight, controller.signal);
    const next = waiting(inFlight);
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    expect(inFlight.queued).toBe(1);
    inFlight.end();
    await microtasks();
    expect([aborted.error, next.state]).toStrictEqual([reason, 'admitted']);
  });

  test('is told by its deadline that nothing was sent', async () => {
    const inFlight = bounded(1);
    inFlight.begin();
    const controller = new AbortController();
    const late = waiting(inFlight, controller.signal);
    controller.abort(new DeadlineExceededError('insertOne', { limitMS: 50, write: true }));
    await microtasks();
    expect(late.error).toBeInstanceOf(DeadlineExceededError);
    expect(late.error).toMatchObject({ deadlineMS: 50, mayHaveBeenApplied: false });
    expect((late.error as Error).message).toContain('findOne');
  });

  test('fails with the error of whoever empties the line, each with one of its own', async () => {
    const inFlight = bounded(1);
    inFlight.begin();
    const line = [waiting(inFlight), waiting(inFlight)];
    let made = 0;
    inFlight.refuse(() => new Error(`closed ${++made}`));
    await microtasks();
    expect(line.map(({ error }) => (error as Error).message)).toStrictEqual([
      'closed 1',
      'closed 2',
    ]);
    expect([inFlight.queued, inFlight.size]).toStrictEqual([0, 1]);
  });
});

describe('waiting until a client is idle', () => {
  /** Whether it has resolved. */
  function idle(inFlight: InFlight, signal = new AbortController().signal) {
    const result = { resolved: false };
    void inFlight.idle(signal).then(() => (result.resolved = true));
    return result;
  }

  test('ends at once when nothing is under way', async () => {
    const result = idle(bounded(1));
    await microtasks();
    expect(result.resolved).toBe(true);
  });

  test('waits for what is under way and for what waits in line', async () => {
    const inFlight = bounded(1);
    inFlight.begin();
    waiting(inFlight);
    const result = idle(inFlight);
    inFlight.end();
    await microtasks();
    expect(result.resolved).toBe(false);
    inFlight.started();
    inFlight.end();
    await microtasks();
    expect(result.resolved).toBe(true);
  });

  test('waits for what goes beside the bound as well', async () => {
    const inFlight = bounded(1);
    inFlight.begin();
    inFlight.begin('uncounted');
    const result = idle(inFlight);
    inFlight.end();
    await microtasks();
    expect(result.resolved).toBe(false);
    inFlight.end('uncounted');
    await microtasks();
    expect(result.resolved).toBe(true);
  });

  test('ends with its signal', async () => {
    const inFlight = bounded(1);
    inFlight.begin();
    const controller = new AbortController();
    const result = idle(inFlight, controller.signal);
    await microtasks();
    expect(result.resolved).toBe(false);
    controller.abort();
    await microtasks();
    expect(result.resolved).toBe(true);
  });
});

describe('the time for which a client is open', () => {
  test('ends when the client closes, and begins again only when it connects', () => {
    const lifetime = new Lifetime();
    const first = lifetime.signal;
    lifetime.begin();
    expect(lifetime.signal).toBe(first);
    expect(() => lifetime.check()).not.toThrow();
    lifetime.end();
    expect(first.aborted).toBe(true);
    expect(() => lifetime.check()).toThrow(MongoClientClosedError);
    lifetime.begin();
    expect(() => lifetime.check()).not.toThrow();
    // What was called before stays ended.
    expect(first.aborted).toBe(true);
  });
});
