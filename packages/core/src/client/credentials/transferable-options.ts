import type { MongoClientOptions } from 'mongodb';

import { OffloadOptionError, warnOnce } from '../../errors';
import { isCredentialCallback } from './credential-callbacks';

/** Options that only the main thread reads. They are not sent to workers, so they may have any value. */
const MAIN_ONLY = new Set([
  'pkFactory',
  'offload',
  // The workers' clients log through the main thread's logger, which has these.
  'mongodbLogPath',
  'mongodbLogComponentSeverities',
  'mongodbLogMaxDocumentLength',
]);

/** Options that this file reads, by lower-case name: the driver accepts names in any case. */
const NAMES = new Map(
  [
    ...MAIN_ONLY,
    'authMechanismProperties',
    'autoEncryption',
    'driverInfo',
    'maxConnecting',
    'maxIdleTimeMS',
    'maxPoolSize',
    'minPoolSize',
    'monitorCommands',
  ].map((name) => [name.toLowerCase(), name]),
);

/** Returns the options that have a value, under the names that this file uses. */
export function givenOptions(options: MongoClientOptions): MongoClientOptions {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    if (value != null) given[NAMES.get(name.toLowerCase()) ?? name] = value;
  }
  return given;
}

/**
 * Returns the first option that cannot cross to another thread, so that the client must run on the main thread.
 * Returns undefined if all can cross.
 */
export function optionThatCannotCross(options: MongoClientOptions): string | undefined {
  if (options.autoEncryption !== undefined) return 'autoEncryption';
  for (const [name, value] of Object.entries(options)) {
    if (MAIN_ONLY.has(name)) continue;
    if (!canBeCloned(withoutCallbacks(name, value))) return name;
  }
  return undefined;
}

/**
 * Warns that a client runs on the main thread because of an option, once for each option.
 *
 * @throws OffloadOptionError if `offload.strict` is set
 */
export function noteOnMain(option: string, { strict }: { strict: boolean }): void {
  const what = `The option ${option} cannot cross to a worker thread`;
  if (strict) {
    throw new OffloadOptionError(
      `${what}, and offload.strict does not allow a client on the main thread. Remove the option, or offload.strict.`,
    );
  }
  warnOnce(
    `option ${option}`,
    `${what}. Clients with this option work, but on the main thread: decoding their results blocks the event loop.`,
  );
}

/** Copies the options for the workers' clients into plain values that later changes by the application do not reach. */
export function optionsForWorkers(options: MongoClientOptions): MongoClientOptions {
  const crossing: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    if (MAIN_ONLY.has(name)) continue;
    const value = withoutCallbacks(name, option);
    const toJSON = (value as { toJSON?: unknown } | null)?.toJSON;
    // ReadPreference, ReadConcern and WriteConcern: the driver accepts their plain form too.
    crossing[name] =
      typeof value === 'object' &&
      value !== null &&
      typeof toJSON === 'function' &&
      !ArrayBuffer.isView(value)
        ? (toJSON as () => unknown).call(value)
        : value;
  }
  return structuredClone(crossing);
}

/** Removes the functions that give credentials: the main thread calls them for all workers. */
function withoutCallbacks(name: string, value: unknown): unknown {
  if (name !== 'authMechanismProperties' || typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).filter(([property, item]) => !isCredentialCallback(property, item)),
  );
}

function canBeCloned(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return true;
  if (Array.isArray(value)) return value.every(canBeCloned);
  const prototype: unknown = Object.getPrototypeOf(value);
  const known = ['Object', 'ReadPreference', 'ReadConcern', 'WriteConcern'];
  const name = (prototype as { constructor?: { name?: string } } | null)?.constructor?.name;
  if (prototype !== null && !known.includes(name ?? '')) return false;
  return Object.values(value).every(canBeCloned);
}
