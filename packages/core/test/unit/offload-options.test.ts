import { OffloadOptionError } from '@mongo-offload/core';

import {
  deadlineOf,
  readingOptionsOf,
  resolveOffloadOptions,
  resolveReadingOptions,
  sliceOf,
} from '../support/internals';

/* Our own options: their defaults, their ranges, and what is said of a wrong one. */

const resolve = (options: object): object => resolveOffloadOptions(options);

describe('the options of a client', () => {
  test('have defaults', () => {
    const { workers, ...others } = resolveOffloadOptions();
    expect(workers).toBeGreaterThanOrEqual(1);
    expect(workers).toBeLessThanOrEqual(4);
    expect(others).toStrictEqual({
      sliceMS: 2,
      readAhead: 3,
      chunkBytes: 1_048_576,
      maxInFlight: 10_000,
      maxQueued: 500_000,
      closeGraceMS: 1_000,
      keepThreadsMS: 3_000,
      busyPoll: true,
      strict: false,
      encodeInSlices: false,
      flatStrings: false,
      lazy: false,
      ambientTransactions: false,
      forgottenSession: 'warn',
    });
  });

  test('that are undefined have their defaults', () => {
    const undefinedOnes = Object.fromEntries(
      Object.keys(resolveOffloadOptions()).map((name) => [name, undefined]),
    );
    expect(resolve(undefinedOnes)).toStrictEqual(resolveOffloadOptions());
  });

  test.each([
    ['workers', 1, 64],
    ['sliceMS', 0.1, 1_000],
    ['readAhead', 1, 64],
    ['chunkBytes', 4_096, 16_777_216],
    ['deadlineMS', 1, 2_147_483_647],
    ['maxInFlight', 1, 4_000_000],
    ['maxQueued', 0, 2_147_483_647],
    ['closeGraceMS', 0, 2_147_483_647],
    ['keepThreadsMS', 0, 2_147_483_647],
  ])('%s is a number from %d to %d', (name, low, high) => {
    for (const good of [low, high]) {
      expect(resolve({ [name]: good })).toHaveProperty(name, good);
    }
    for (const wrong of [low - 0.1, high + 1, NaN, Infinity, '5', true, {}, [low]]) {
      expect(() => resolve({ [name]: wrong })).toThrow(OffloadOptionError);
      expect(() => resolve({ [name]: wrong })).toThrow(`offload.${name} must be a`);
    }
  });

  test.each(['workers', 'readAhead', 'chunkBytes', 'maxInFlight', 'maxQueued'])(
    '%s is a whole number',
    (name) => {
      expect(() => resolve({ [name]: 4_096.5 })).toThrow('must be a whole number');
    },
  );

  test.each(['busyPoll', 'strict', 'encodeInSlices', 'ambientTransactions', 'flatStrings', 'lazy'])(
    '%s is true or false',
    (name) => {
      for (const good of [true, false])
        expect(resolve({ [name]: good })).toHaveProperty(name, good);
      for (const wrong of [null, 0, 'true', {}]) {
        expect(() => resolve({ [name]: wrong })).toThrow(OffloadOptionError);
        expect(() => resolve({ [name]: wrong })).toThrow(`offload.${name} must be true or false`);
      }
    },
  );

  test('forgottenSession is one of three words', () => {
    for (const good of ['warn', 'error', 'off']) {
      expect(resolve({ forgottenSession: good })).toHaveProperty('forgottenSession', good);
    }
    expect(() => resolve({ forgottenSession: 'throw' })).toThrow(
      'offload.forgottenSession must be "warn" or "error" or "off", not "throw".',
    );
  });

  test('that are unknown are refused, with the list of those that there are', () => {
    expect(() => resolve({ worker: 2 })).toThrow(
      /^offload\.worker is not an option of offload; the options are: workers, .*forgottenSession\.$/,
    );
  });

  test.each([null, 'workers', 2, true])('are an object, not %p', (wrong) => {
    expect(() => resolveOffloadOptions(wrong as never)).toThrow(OffloadOptionError);
  });

  describe('workers', () => {
    const { MONGO_OFFLOAD_WORKERS } = process.env;
    afterEach(() => {
      if (MONGO_OFFLOAD_WORKERS === undefined) delete process.env.MONGO_OFFLOAD_WORKERS;
      else process.env.MONGO_OFFLOAD_WORKERS = MONGO_OFFLOAD_WORKERS;
    });

    test('come from the environment if the client does not name them', () => {
      process.env.MONGO_OFFLOAD_WORKERS = '7';
      expect(resolveOffloadOptions().workers).toBe(7);
      expect(resolveOffloadOptions({ workers: 2 }).workers).toBe(2);
    });

    test.each(['many', '0', '1.5'])('are refused if the environment says %p', (wrong) => {
      process.env.MONGO_OFFLOAD_WORKERS = wrong;
      expect(() => resolveOffloadOptions()).toThrow(OffloadOptionError);
    });

    test('have their default if the environment is empty', () => {
      process.env.MONGO_OFFLOAD_WORKERS = '';
      expect(resolveOffloadOptions().workers).toBeGreaterThanOrEqual(1);
    });
  });
});

describe('the limits of a worker’s memory', () => {
  const resolveLimits = (resourceLimits: unknown): object => resolve({ resourceLimits });

  test('are absent unless they are given', () => {
    expect(resolveOffloadOptions()).not.toHaveProperty('resourceLimits');
    const resourceLimits = { maxOldGenerationSizeMb: 64, stackSizeMb: undefined };
    expect(resolveLimits(resourceLimits)).toHaveProperty('resourceLimits', resourceLimits);
  });

  test.each([
    [{ maxOldGenerationSizeMb: 15 }, 'a number of megabytes from 16'],
    [{ stackSizeMb: 0.5 }, 'a number of megabytes from 1 to 256, not 0.5'],
    [{ stackSizeMb: '4' }, 'not "4"'],
    [{ heap: 64 }, 'is not a resource limit; the limits are: maxOldGenerationSizeMb'],
    [{ toString: 1 }, 'is not a resource limit'],
    [null, 'must be an object'],
    [64, 'must be an object'],
  ])('are refused if they are %j', (wrong, message) => {
    expect(() => resolveLimits(wrong)).toThrow(OffloadOptionError);
    expect(() => resolveLimits(wrong)).toThrow(message);
  });
});

describe('the options of an operation', () => {
  const defaults = { flatStrings: true, lazy: false };

  test.each([undefined, null, {}, { offload: undefined }, { offload: null }])(
    'are none of ours in %j',
    (options) => {
      expect(readingOptionsOf(options, defaults)).toBeUndefined();
    },
  );

  test('complete those of its client', () => {
    expect(readingOptionsOf({ offload: { lazy: true } }, defaults)).toStrictEqual({
      flatStrings: true,
      lazy: true,
    });
    expect(readingOptionsOf({ offload: { flatStrings: false } }, defaults)).toStrictEqual({
      flatStrings: false,
      lazy: false,
    });
    expect(resolveReadingOptions({})).toStrictEqual({ flatStrings: false, lazy: false });
  });

  test.each([
    [{ workers: 2 }, 'offload.workers is not an option of operations'],
    [{ flatStrnigs: true }, 'Their options are: flatStrings, lazy, encodeInSlices.'],
    [{ lazy: 1 }, 'offload.lazy must be true or false, not 1.'],
    [{ encodeInSlices: 'yes' }, 'offload.encodeInSlices must be true or false'],
    ['lazy', 'must be an object'],
  ])('are refused if they are %j', (offload, message) => {
    expect(() => readingOptionsOf({ offload })).toThrow(OffloadOptionError);
    expect(() => readingOptionsOf({ offload })).toThrow(message);
  });

  test('encode a list in slices if they or the client promise to leave it unchanged', () => {
    const client = resolveOffloadOptions({ sliceMS: 5 });
    const promising = resolveOffloadOptions({ sliceMS: 5, encodeInSlices: true });
    expect(sliceOf(undefined, client)).toBeUndefined();
    expect(sliceOf({ offload: { encodeInSlices: true } }, client)).toBe(5);
    expect(sliceOf(undefined, promising)).toBe(5);
    expect(sliceOf({ offload: { encodeInSlices: false } }, promising)).toBeUndefined();
  });

  test('set a deadline, or leave that of the client', () => {
    const client = { deadlineMS: 100 };
    expect(deadlineOf(undefined, client)).toBe(100);
    expect(deadlineOf({ deadlineMS: undefined }, client)).toBe(100);
    expect(deadlineOf({ deadlineMS: 7 }, client)).toBe(7);
    expect(deadlineOf({}, {})).toBeUndefined();
    for (const wrong of [0, -1, NaN, 2 ** 31, '5']) {
      expect(() => deadlineOf({ deadlineMS: wrong }, client)).toThrow(
        'deadlineMS must be a number',
      );
    }
  });
});
