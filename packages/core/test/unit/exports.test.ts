/** Our exports can be walked and merged by libraries as the driver's can. */
import * as core from '@mongo-offload/core';
import * as driver from 'mongodb';

const exported = (module: object): Record<string, unknown> => module as Record<string, unknown>;

/** As mongoose merges schemas: what is null is assigned, and what is an object is merged in turn. */
function merge(to: Record<string, unknown>, from: Record<string, unknown>, seen = new Set()): void {
  if (seen.has(from)) return;
  seen.add(from);
  for (const key of Object.keys(from)) {
    if (to[key] == null) to[key] = from[key];
    else if (Object.prototype.toString.call(from[key]) === '[object Object]') {
      merge(to[key] as Record<string, unknown>, from[key] as Record<string, unknown>, seen);
    }
  }
}

test('no export is null or undefined', () => {
  const empty = Object.getOwnPropertyNames(core).filter((name) => exported(core)[name] == null);
  expect(empty).toEqual([]);
});

test('exports are properties of the same kind as the driver’s', () => {
  const kinds = (module: object): Set<string> =>
    new Set(
      Object.entries(Object.getOwnPropertyDescriptors(module))
        .filter(([name]) => name !== '__esModule')
        .map(([, { get, set, value, enumerable, configurable }]) =>
          JSON.stringify([
            typeof get,
            typeof set,
            typeof value === 'undefined',
            enumerable,
            configurable,
          ]),
        ),
    );
  const drivers = kinds(driver);
  for (const kind of kinds(core)) expect(drivers).toContain(kind);
});

test('exports can be merged deeply into themselves', () => {
  expect(() => merge(exported(core), exported(core))).not.toThrow();
  expect(() => merge({ ...exported(core) }, exported(core))).not.toThrow();
});

test('exports can be merged into a driver that a library already holds', () => {
  expect(() => merge({ ...exported(driver) }, exported(core))).not.toThrow();
});
