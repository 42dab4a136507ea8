import { Targets, EncodingOrder } from '../support/internals';

/* While the arguments of a call are still being encoded, later calls that it concerns wait. */

const targets = new Targets(1);
const shop = targets.get({ name: 'shop' }, undefined);
const orders = targets.get({ name: 'shop' }, { name: 'orders' });
const users = targets.get({ name: 'shop' }, { name: 'users' });
const shopping = targets.get({ name: 'shopping' }, { name: 'orders' });
const client = targets.get(undefined, undefined);

/** Gives a call its turn, and tells whether that has come. */
function take(turns: EncodingOrder, target: typeof orders) {
  const call = { target, mayGo: false };
  void turns.before(call, target).then(() => (call.mayGo = true));
  return call;
}

const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the first call waits for none', async () => {
  const turns = new EncodingOrder();
  const first = take(turns, orders);
  await microtasks();
  expect(first.mayGo).toBe(true);
});

test('calls on one collection are sent in the order in which they were called', async () => {
  const turns = new EncodingOrder();
  const calls = [take(turns, orders), take(turns, orders), take(turns, orders)];
  for (const [at, call] of calls.entries()) {
    await microtasks();
    expect(calls.map(({ mayGo }) => mayGo)).toStrictEqual(calls.map((_, other) => other <= at));
    turns.done(call);
  }
  expect(turns.size).toBe(0);
});

test.each([
  ['another collection', orders, users],
  ['a database whose name only begins like the first', shop, shopping],
])('a call on %s does not wait', async (_, before, after) => {
  const turns = new EncodingOrder();
  take(turns, before);
  const second = take(turns, after);
  await microtasks();
  expect(second.mayGo).toBe(true);
});

test.each([
  ['a database waits for one on its collection', orders, shop],
  ['a collection waits for one on its database', shop, orders],
  ['the whole client waits for one on any collection', orders, client],
  ['any collection waits for one on the whole client', client, shopping],
])('a call on %s', async (_, before, after) => {
  const turns = new EncodingOrder();
  const first = take(turns, before);
  const second = take(turns, after);
  await microtasks();
  expect(second.mayGo).toBe(false);
  turns.done(first);
  await microtasks();
  expect(second.mayGo).toBe(true);
});

test('a call that waits holds up those after it, though the first does not concern them', async () => {
  const turns = new EncodingOrder();
  const first = take(turns, orders);
  const whole = take(turns, shop);
  const other = take(turns, users);
  await microtasks();
  expect([whole.mayGo, other.mayGo]).toStrictEqual([false, false]);
  turns.done(first);
  await microtasks();
  expect([whole.mayGo, other.mayGo]).toStrictEqual([true, false]);
  turns.done(whole);
  await microtasks();
  expect(other.mayGo).toBe(true);
});

test('a call that ends twice, or was never known, changes nothing', async () => {
  const turns = new EncodingOrder();
  const first = take(turns, orders);
  const second = take(turns, orders);
  turns.done({});
  turns.done(first);
  turns.done(first);
  await microtasks();
  expect([turns.size, second.mayGo]).toStrictEqual([1, true]);
});
