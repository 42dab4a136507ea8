import { RestartDelay, StartRecord, timers } from '../support/internals';

/* A worker that dies is replaced at once; workers that keep dying are replaced later and later. */

let now = 0;
beforeEach(() => {
  now = 0;
  jest.spyOn(timers, 'now').mockImplementation(() => now);
});
afterEach(() => jest.restoreAllMocks());

/** A worker starts, lives for some milliseconds, and dies. Returns the delay of its successor. */
function death(delay: RestartDelay, { after, served = true }: { after: number; served?: boolean }) {
  delay.started();
  now += after;
  delay.died(served);
  return delay.next();
}

const delays = (deaths: number, how: { after: number; served?: boolean }): number[] => {
  const delay = new RestartDelay();
  return Array.from({ length: deaths }, () => death(delay, how));
};

test('the first worker starts at once', () => {
  expect(new RestartDelay().next()).toBe(0);
});

test('the delay doubles with each worker that dies young, up to 0.4 s', () => {
  expect(delays(7, { after: 5 })).toStrictEqual([0, 50, 100, 200, 400, 400, 400]);
});

test('the delay of workers that cannot start grows up to one second', () => {
  expect(delays(8, { after: 5, served: false })).toStrictEqual([
    0, 50, 100, 200, 400, 800, 1_000, 1_000,
  ]);
});

test('the death of a worker that lived for ten seconds is no reason to wait', () => {
  expect(delays(4, { after: 10_000 })).toStrictEqual([0, 0, 0, 0]);
});

test('a worker that lives long ends the delays that others caused', () => {
  const delay = new RestartDelay();
  for (let i = 0; i < 6; i++) death(delay, { after: 5 });
  expect(death(delay, { after: 10_000 })).toBe(0);
  expect(death(delay, { after: 5 })).toBe(0);
  expect(death(delay, { after: 5 })).toBe(50);
});

test('a worker that needs long to fail has not lived long', () => {
  expect(delays(3, { after: 20_000, served: false })).toStrictEqual([0, 50, 100]);
});

describe('a pool without threads', () => {
  const cause = Object.assign(new Error('no access'), { code: 'ERR_ACCESS_DENIED' });

  test('has no hope after three failed starts in a row', () => {
    const record = new StartRecord();
    const hope: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      record.failed();
      hope.push(!record.isHopeless(new Error('no memory')));
    }
    expect(hope).toStrictEqual([true, true, false]);
    record.succeeded();
    expect(record.isHopeless(undefined)).toBe(false);
  });

  test('has no hope at once if Node may start no thread', () => {
    expect(new StartRecord().isHopeless(cause)).toBe(true);
  });
});
