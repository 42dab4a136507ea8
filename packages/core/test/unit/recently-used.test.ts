import { RecentlyUsed } from '../support/internals';

/* A map that remembers what was used last, and is bounded. */

test('keeps the entries used last, and at most twice as many', () => {
  const map = new RecentlyUsed<number, string>(10);
  for (let key = 0; key < 1_000; key++) {
    map.set(key, `value ${key}`);
    for (let recent = Math.max(0, key - 9); recent <= key; recent++) {
      expect(map.get(recent)).toBe(`value ${recent}`);
    }
    const kept = Array.from({ length: key + 1 }, (_, other) => other);
    if (key === 999) expect(kept.filter((other) => map.get(other)).length).toBeLessThanOrEqual(20);
  }
});

test('keeps an entry for ever that is used again and again', () => {
  const map = new RecentlyUsed<number, string>(10);
  map.set(-1, 'used');
  for (let key = 0; key < 1_000; key++) {
    map.set(key, 'once');
    expect(map.get(-1)).toBe('used');
  }
});

test('reports each entry once that it has forgotten', () => {
  const forgotten: number[] = [];
  const map = new RecentlyUsed<number, string>(10, (old) => forgotten.push(...old.keys()));
  for (let key = 0; key < 100; key++) map.set(key, 'value');
  const remembered = Array.from({ length: 100 }, (_, key) => key).filter(
    (key) => map.get(key) !== undefined,
  );
  expect([...forgotten, ...remembered].sort((a, b) => a - b)).toStrictEqual(
    Array.from({ length: 100 }, (_, key) => key),
  );
});

test('removes entries by a condition, young ones and old ones', () => {
  const map = new RecentlyUsed<number, number>(3);
  for (let key = 0; key < 6; key++) map.set(key, key);
  map.removeIf((value) => value % 2 === 0);
  expect([0, 1, 2, 3, 4, 5].map((key) => map.get(key))).toStrictEqual([
    undefined,
    1,
    undefined,
    3,
    undefined,
    5,
  ]);
  map.clear();
  expect(map.get(1)).toBeUndefined();
});
