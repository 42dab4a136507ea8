import * as driver from 'mongodb';

/**
 * The classes whose instances may stand in an error of the driver's: its error classes, and what
 * hangs on them (results, write errors, descriptions of the topology).
 *
 * Some are no public export of `mongodb`; these are the only paths inside the driver that errors
 * need, and a path that a version of the driver lacks is left out: its instances then travel as the
 * nearest class that is known, or are left away.
 */
const INTERNAL_MODULES = [
  'mongodb/lib/bulk/common',
  'mongodb/lib/cmap/errors',
  'mongodb/lib/error',
  'mongodb/lib/sdam/server_description',
  'mongodb/lib/sdam/topology_description',
] as const;

type Class = abstract new (...args: never[]) => object;

let classes: Map<string, Class> | undefined;

function load(): Map<string, Class> {
  const found = new Map<string, Class>();
  const add = (exported: object): void => {
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value === 'function' && /^[A-Z]/.test(name)) found.set(name, value as Class);
    }
  };
  for (const path of INTERNAL_MODULES) {
    try {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- a version may lack it
      add(require(path) as object);
    } catch {
      // another version of the driver keeps these classes elsewhere
    }
  }
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
    const { HostAddress } = require('mongodb/lib/utils') as { HostAddress?: Class };
    if (HostAddress) found.set('HostAddress', HostAddress);
  } catch {
    // as above
  }
  add(driver);
  add(driver.BSON);
  for (const builtIn of [
    Error,
    TypeError,
    RangeError,
    SyntaxError,
    ReferenceError,
    EvalError,
    URIError,
    AggregateError,
  ]) {
    found.set(builtIn.name, builtIn as Class);
  }
  return found;
}

/** The class of this name, where an error may carry it. */
export function classNamed(name: string): Class | undefined {
  return (classes ??= load()).get(name);
}

/** The name of the nearest class of `value` that both threads know, if there is one. */
export function knownClassName(value: object): string | undefined {
  let prototype: object | null = Object.getPrototypeOf(value) as object | null;
  while (prototype !== null) {
    const { constructor } = prototype as { constructor?: { name?: string } };
    const name = constructor?.name;
    if (name !== undefined && name !== 'Object' && classNamed(name) !== undefined) return name;
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return undefined;
}
