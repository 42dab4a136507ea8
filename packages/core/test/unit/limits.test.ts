import { getEventListeners } from 'node:events';

import { DeadlineExceededError } from '@mongo-offload/core';

import { eitherSignal, untilAborted, withinLimits } from '../support/internals';

/* A signal and a deadline end an operation; neither leaves anything behind. */

const limited = { what: 'findOne', write: false, defaults: {} };
const reason = new Error('no longer wanted');
const never = (): Promise<never> => new Promise(() => undefined);

describe('within limits, work', () => {
  test('gives its result, and leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    const work = async (): Promise<number> => {
      expect(getEventListeners(signal, 'abort').length).toBeGreaterThan(0);
      return await Promise.resolve(7);
    };
    expect(await withinLimits({ signal, deadlineMS: 10_000 }, limited, work)).toBe(7);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('rejects with its own error', async () => {
    const failing = async (): Promise<never> => await Promise.reject(reason);
    await expect(withinLimits({ deadlineMS: 10_000 }, limited, failing)).rejects.toBe(reason);
  });

  test('rejects with the reason of its signal at once', async () => {
    const controller = new AbortController();
    const given = withinLimits({ signal: controller.signal }, limited, never);
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  test('does not start if the signal is aborted already', async () => {
    const work = jest.fn(never);
    await expect(withinLimits({ signal: AbortSignal.abort(reason) }, limited, work)).rejects.toBe(
      reason,
    );
    expect(work).not.toHaveBeenCalled();
  });

  test.each([true, false])(
    'ends at its deadline, with what may have happened (write: %p)',
    async (write) => {
      const error: unknown = await withinLimits(
        { deadlineMS: 5 },
        { ...limited, write },
        never,
      ).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(DeadlineExceededError);
      expect(error).toMatchObject({ deadlineMS: 5, mayHaveBeenApplied: write });
      expect((error as Error).stack).toContain('limits.test.ts');
    },
  );

  test('is told by its signal of the deadline too', async () => {
    let told: unknown;
    const work = (signal: AbortSignal | undefined): Promise<never> => {
      signal?.addEventListener('abort', () => (told = signal.reason));
      return never();
    };
    const defaults = { deadlineMS: 5 };
    const error: unknown = await withinLimits({}, { ...limited, defaults }, work).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBe(told);
  });

  test.each(['stop', {}, 5])('refuses the signal %j', async (signal) => {
    await expect(withinLimits({ signal }, limited, never)).rejects.toBeInstanceOf(TypeError);
  });
});

describe('an aborted promise', () => {
  test('rejects after the events that its abort causes', async () => {
    const controller = new AbortController();
    const order: string[] = [];
    const given = untilAborted(never(), controller.signal, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push('event');
    });
    const settled = given.catch(() => order.push('rejection'));
    controller.abort(reason);
    await settled;
    expect(order).toStrictEqual(['event', 'rejection']);
  });

  test('does not wait for ever for events', async () => {
    const controller = new AbortController();
    const given = untilAborted(never(), controller.signal, never);
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
  });

  test('rejects with the reason though the work ends with an error of its own meanwhile', async () => {
    const controller = new AbortController();
    let fail!: (error: Error) => void;
    const work = new Promise<never>((_, reject) => (fail = reject));
    const given = untilAborted(work, controller.signal, async () => {
      fail(new Error('interrupted'));
      await new Promise((resolve) => setImmediate(resolve));
    });
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
  });
});

describe('either of two signals', () => {
  test('aborts with the reason of whichever comes first', () => {
    for (const first of [0, 1]) {
      const controllers = [new AbortController(), new AbortController()];
      const { signal } = eitherSignal(controllers[0].signal, controllers[1].signal);
      controllers[first].abort(reason);
      controllers[1 - first].abort(new Error('later'));
      expect(signal?.reason).toBe(reason);
    }
    expect(
      eitherSignal(new AbortController().signal, AbortSignal.abort(reason)).signal?.reason,
    ).toBe(reason);
  });

  test('is the one that there is', () => {
    const { signal } = new AbortController();
    expect(eitherSignal(signal, undefined).signal).toBe(signal);
    expect(eitherSignal(undefined, signal).signal).toBe(signal);
    expect(eitherSignal(signal, signal).signal).toBe(signal);
    expect(eitherSignal(undefined, undefined).signal).toBeUndefined();
  });

  test('leaves no listener behind when it is released', () => {
    const signals = [new AbortController().signal, new AbortController().signal];
    const { release } = eitherSignal(signals[0], signals[1]);
    release();
    for (const signal of signals) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
