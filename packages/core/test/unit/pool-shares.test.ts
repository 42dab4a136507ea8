import { PoolShares } from '../support/internals';

/* A client's connections are divided between its workers, so that the driver's options hold for the client. */

const sizes = [0, 1, 2, 3, 5, 10, 100];

test.each(sizes)('maxPoolSize %d holds for all workers together', (maxPoolSize) => {
  const shares = new PoolShares({ maxPoolSize, minPoolSize: 0, maxConnecting: 2 });
  for (const pool of [1, 2, 3, 4, 64]) {
    const workers = shares.workers(pool);
    const each = Array.from({ length: workers }, (_, at) => shares.of(at, workers).maxPoolSize);
    if (maxPoolSize === 0) {
      // Zero means no limit, in each worker as well.
      expect([workers, ...new Set(each)]).toStrictEqual([pool, 0]);
      continue;
    }
    expect(each.reduce((sum, one) => sum + one)).toBe(maxPoolSize);
    // A worker with none could serve nothing, and one with zero would have no limit.
    expect(Math.min(...each)).toBeGreaterThan(0);
    expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
  }
});

test('minPoolSize holds for all workers together', () => {
  const shares = new PoolShares({ maxPoolSize: 10, minPoolSize: 3, maxConnecting: 2 });
  expect([0, 1].map((at) => shares.of(at, 2).minPoolSize)).toStrictEqual([2, 1]);
  expect(shares.fills).toBe(true);
  expect(new PoolShares({ maxPoolSize: 10, minPoolSize: 0, maxConnecting: 2 }).fills).toBe(false);
});

test('every worker may connect', () => {
  const shares = new PoolShares({ maxPoolSize: 10, minPoolSize: 0, maxConnecting: 2 });
  expect([0, 1, 2].map((at) => shares.of(at, 3).maxConnecting)).toStrictEqual([1, 1, 1]);
});
