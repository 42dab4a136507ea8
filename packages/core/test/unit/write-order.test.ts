import { Targets, WriteOrder, type Lane } from '../support/internals';

/* Calls that follow an unfinished write go to the worker that has it. */

const targets = new Targets(1);
const shop = targets.get({ name: 'shop' }, undefined);
const orders = targets.get({ name: 'shop' }, { name: 'orders' });
const users = targets.get({ name: 'shop' }, { name: 'users' });
const shopping = targets.get({ name: 'shopping' }, { name: 'orders' });
const client = targets.get(undefined, undefined);

// Only which one it is counts here.
const first = { name: 'first' } as unknown as Lane;
const second = { name: 'second' } as unknown as Lane;

test('without a write under way, any worker may take a call', () => {
  const order = new WriteOrder();
  expect(order.laneFor(orders)).toBeUndefined();
  order.untrack(order.track(orders.namespace, first));
  expect(order.laneFor(orders)).toBeUndefined();
});

test.each([
  ['its collection', orders, orders],
  ['its database', orders, shop],
  ['a collection of its database', shop, orders],
  ['the client', orders, client],
  ['anything of the client', client, orders],
])('after a write, a call on %s goes to the same worker', (_, written, called) => {
  const order = new WriteOrder();
  order.track(written.namespace, first);
  expect(order.laneFor(called)).toBe(first);
});

test.each([
  ['another collection', orders, users],
  ['a database whose name begins alike', shopping, shop],
])('after a write, a call on %s may go anywhere', (_, written, called) => {
  const order = new WriteOrder();
  order.track(written.namespace, first);
  expect(order.laneFor(called)).toBeUndefined();
});

test('a worker keeps the order until the last of its writes has ended', () => {
  const order = new WriteOrder();
  const one = order.track(orders.namespace, first);
  const other = order.track(orders.namespace, first);
  order.untrack(one);
  expect(order.laneFor(orders)).toBe(first);
  order.untrack(other);
  expect(order.laneFor(orders)).toBeUndefined();
});

test('the end of a write on a lost worker does not end the order on its successor', () => {
  const order = new WriteOrder();
  const lost = order.track(orders.namespace, first);
  const again = order.track(orders.namespace, second);
  order.untrack(lost);
  expect(order.laneFor(orders)).toBe(second);
  order.untrack(again);
  expect(order.laneFor(orders)).toBeUndefined();
});
