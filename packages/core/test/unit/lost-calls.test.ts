import { setImmediate as nextTurn } from 'node:timers/promises';

import { LostCalls } from '../support/internals';

/* Calls whose worker died run again in the order in which they were called, whichever learns of it first. */

test('calls that were lost together go on in their order', async () => {
  const lost = new LostCalls();
  const order: number[] = [];
  const call = async (place: number, microtasks: number): Promise<void> => {
    for (let i = 0; i < microtasks; i++) await Promise.resolve();
    await lost.gathered(place);
    order.push(place);
  };
  await Promise.all([call(3, 0), call(1, 5), call(2, 20), call(0, 1)]);
  expect(order).toStrictEqual([0, 1, 2, 3]);
});

test('calls of a later loss do not wait for earlier ones that are gone', async () => {
  const lost = new LostCalls();
  const order: number[] = [];
  await lost.gathered(5).then(() => order.push(5));
  await nextTurn();
  await Promise.all([2, 1].map((place) => lost.gathered(place).then(() => order.push(place))));
  expect(order).toStrictEqual([5, 1, 2]);
});
