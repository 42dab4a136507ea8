import * as core from '@mongo-offload/core';
import * as native from 'mongodb';

import { Declarations, tableUnder } from '../support/declarations';
import { crossingOptions, optionThatCannotCross } from '../support/internals';

/*
 * The whole of what the driver offers, walked by a machine: each part of it is either ours or named,
 * with its reason, in a table of docs/compatibility.md. And each name in a table is there for a reason.
 */

type Class = abstract new (...args: never[]) => object;

const exported = (of: object, name: string): unknown => (of as Record<string, unknown>)[name];

function isClass(value: unknown): value is Class {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

const names = Object.keys(native);
const classes = names.filter((name) => isClass(exported(native, name)));
const replaced = classes.filter((name) => exported(core, name) !== exported(native, name));
const kept = classes.filter((name) => !replaced.includes(name));

/** The properties of an object and of what it inherits, up to what every object has. */
function allProperties(from: object): Map<string, PropertyDescriptor> {
  const found = new Map<string, PropertyDescriptor>();
  for (
    let at: object | null = from;
    at !== null && at !== Object.prototype && at !== Function.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const name of Reflect.ownKeys(at)) {
      const key = String(name);
      if (!found.has(key)) found.set(key, Object.getOwnPropertyDescriptor(at, name)!);
    }
  }
  return found;
}

function kind(descriptor: PropertyDescriptor | undefined): string {
  if (descriptor === undefined) return 'missing';
  if (descriptor.get ?? descriptor.set) {
    return `${descriptor.get ? 'get' : ''}${descriptor.set ? 'set' : ''}`;
  }
  return typeof descriptor.value;
}

describe('values', () => {
  test('each export of the driver’s is one of ours', () => {
    expect(Object.keys(core)).toEqual(expect.arrayContaining(names));
  });

  test('what is no class that we replace is the driver’s own', () => {
    for (const name of names) {
      if (replaced.includes(name)) continue;
      expect([name, exported(core, name) === exported(native, name)]).toStrictEqual([name, true]);
    }
  });

  test('each class that is the driver’s own is in the table that says why', () => {
    const listed = tableUnder("Classes that are the driver's own").flatMap(
      ({ names: inRow }) => inRow,
    );
    const matches = (pattern: string, name: string): boolean =>
      pattern.startsWith('*') ? name.endsWith(pattern.slice(1)) : name === pattern;
    expect(kept.filter((name) => !listed.some((pattern) => matches(pattern, name)))).toStrictEqual(
      [],
    );
    expect(listed.filter((pattern) => !kept.some((name) => matches(pattern, name)))).toStrictEqual(
      [],
    );
  });
});

describe.each(replaced)('%s', (name) => {
  const ours = exported(core, name) as Class;
  const theirs = exported(native, name) as Class;

  test('extends the driver’s', () => {
    expect(ours.prototype).toBeInstanceOf(theirs);
    expect(ours.name).toBe(theirs.name);
  });

  test.each([
    ['its prototype', (of: Class): object => of.prototype as object],
    ['itself', (of: Class): object => of],
  ])('has on %s every method, getter and setter, inherited ones as well', (_what, part) => {
    const expected = allProperties(part(theirs));
    const found = allProperties(part(ours));
    for (const [key, descriptor] of expected) {
      expect([key, kind(found.get(key))]).toStrictEqual([key, kind(descriptor)]);
    }
  });
});

test('each method that is the driver’s own is in the table that says why', () => {
  const notReplaced = replaced.flatMap((name) => {
    const ours = exported(core, name) as Class;
    const theirs = (exported(native, name) as Class).prototype as object;
    return Object.entries(Object.getOwnPropertyDescriptors(theirs))
      .filter(([key, { value }]) => typeof value === 'function' && !key.startsWith('_'))
      .filter(([key, { value }]) => (ours.prototype as Record<string, unknown>)[key] === value)
      .map(([key]) => `${name}.${key}`);
  });
  const listed = tableUnder("Methods that are the driver's own").flatMap((row) => row.names);
  expect(notReplaced.filter((method) => !listed.includes(method))).toStrictEqual([]);
  expect(listed.filter((method) => !notReplaced.includes(method))).toStrictEqual([]);
});

describe('declarations', () => {
  const theirs = new Declarations(require.resolve('mongodb/mongodb.d.ts'));
  const ours = new Declarations(require.resolve('@mongo-offload/core').replace(/\.js$/, '.d.ts'));

  test('each exported type of the driver’s is one of ours', () => {
    expect(theirs.names().length).toBeGreaterThan(400);
    expect(ours.names()).toEqual(expect.arrayContaining(theirs.names()));
  });

  test('our classes and options take every option and have every member that the driver’s have', () => {
    for (const name of replaced) {
      expect(ours.properties(name)).toEqual(expect.arrayContaining(theirs.properties(name)));
    }
    expect(ours.properties('OffloadMongoClientOptions')).toEqual(
      expect.arrayContaining(theirs.properties('MongoClientOptions')),
    );
  });

  test('each option of an operation crosses, or is in the table that says what becomes of it', () => {
    // Their options go to the server whatever they are called.
    const open = ['createCollection', 'createIndex', 'createIndexes', 'validateCollection'];
    const staying = new Set<string>();
    for (const name of [
      'Admin',
      'Db',
      'Collection',
      'MongoClient',
      'ClientSession',
      'FindCursor',
    ]) {
      for (const [option, methods] of theirs.methodOptions(name)) {
        const crosses = methods.every(
          (method) => crossingOptions({ [option]: 1 }, open.includes(method)) !== undefined,
        );
        if (!crosses) staying.add(option);
      }
    }
    const listed = tableUnder('Operation options that do not cross').flatMap((row) => row.names);
    // It crosses where it is an option of `createCollection`, and does nothing there.
    staying.add('pkFactory');
    expect([...staying].filter((option) => !listed.includes(option))).toStrictEqual([]);
    expect(listed.filter((option) => !staying.has(option))).toStrictEqual([]);
  });

  test('each client option that may hold a function is in one of the tables', () => {
    const all = theirs.properties('MongoClientOptions');
    const onMain = tableUnder('Client options that keep a client on the main thread');
    const read = tableUnder('Client options that stay on the main thread');
    const listed = [...onMain, ...read].flatMap((row) => row.names);
    const functions = theirs.properties('MongoClientOptions', { mayBeFunction: true });
    expect(functions.filter((option) => !listed.includes(option))).toStrictEqual([]);
    expect(listed.filter((option) => !all.includes(option))).toStrictEqual([]);
    for (const option of onMain.flatMap((row) => row.names)) {
      class Context {}
      const value = option === 'secureContext' ? new Context() : () => undefined;
      expect([option, optionThatCannotCross({ [option]: value })]).toStrictEqual([option, option]);
    }
    const callback = async (): Promise<never> => await Promise.reject(new Error('never called'));
    const credentials = { OIDC_CALLBACK: callback, AWS_CREDENTIAL_PROVIDER: callback };
    expect(optionThatCannotCross({ authMechanismProperties: credentials })).toBeUndefined();
    for (const option of all) {
      if (listed.includes(option)) continue;
      expect([option, optionThatCannotCross({ [option]: 'text' })]).toStrictEqual([
        option,
        undefined,
      ]);
    }
  });
});

test('every row of the page has a reason', () => {
  for (const heading of [
    'Client options that keep a client on the main thread',
    'Client options that stay on the main thread',
    'Operation options that do not cross',
    "Methods that are the driver's own",
    "Classes that are the driver's own",
  ]) {
    for (const { names: inRow, reason } of tableUnder(heading)) {
      expect([inRow, reason.length > 5]).toStrictEqual([inRow, true]);
    }
  }
});
