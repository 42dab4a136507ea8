import * as driver from 'mongodb';

/**
 * Modules with classes that an error of the driver may contain and that `mongodb` does not export: error classes,
 * results, write errors, descriptions of the topology.
 *
 * A version of the driver may lack a module. Then instances of its classes travel as the nearest known class, or are
 * left out.
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
      // Another version of the driver may have these classes elsewhere.
    }
  }
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
    const { HostAddress } = require('mongodb/lib/utils') as { HostAddress?: Class };
    if (HostAddress) found.set('HostAddress', HostAddress);
  } catch {
    // See above.
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

/** Returns the class of this name, if an error may contain it. */
export function classNamed(name: string): Class | undefined {
  return (classes ??= load()).get(name);
}

/** Returns the name of the nearest class of `value` that both threads know, if any. */
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
