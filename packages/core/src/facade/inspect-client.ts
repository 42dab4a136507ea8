import type { InspectOptions, inspect } from 'node:util';

/** Options of a client that must not appear in a log. */
const SECRET_OPTIONS = [
  'proxyPassword',
  'passphrase',
  'tlsCertificateKeyFilePassword',
  'key',
  'pfx',
  'secureContext',
  'autoEncryption',
  'autoEncrypter',
  'encrypter',
] as const;

/** The driver's state of a client, which has the connection string and credentials in many places. */
const INTERNALS = ['s', 'topology'] as const;

const HIDDEN = '<hidden>';

/** Clients being shown now. A property may lead back to its client, and Node cannot detect that cycle past our copy. */
const showing = new Set<object>();

/**
 * Returns what `util.inspect`, and so `console.log`, shows of a client: the same as of the driver's, but without
 * passwords, keys and the driver's state.
 */
export function inspectClient(
  client: object,
  depth: number,
  options: InspectOptions,
  show: typeof inspect,
): string {
  if (showing.has(client)) return '[Circular]';
  const copy = Object.create(
    Object.getPrototypeOf(client) as object,
    Object.getOwnPropertyDescriptors(client),
  ) as Record<string | symbol, unknown>;
  const put = (name: string | symbol, value: unknown, enumerable: boolean): void => {
    Object.defineProperty(copy, name, { value, enumerable, configurable: true });
  };
  put(show.custom, undefined, false);
  for (const name of INTERNALS) if (Object.hasOwn(client, name)) put(name, HIDDEN, true);
  if (Object.hasOwn(client, 'options')) put('options', withoutSecrets(copy.options), true);
  showing.add(client);
  try {
    return show(copy, { ...options, depth });
  } finally {
    showing.delete(client);
  }
}

/** Hides the client's options, which have the password, from `util.inspect` of a session. */
export function hideClientOptions(session: object): void {
  if (!Object.hasOwn(session, 'clientOptions')) return;
  Object.defineProperty(session, 'clientOptions', { enumerable: false });
}

function withoutSecrets(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const shown: Record<string, unknown> = { ...options };
  for (const name of SECRET_OPTIONS) if (shown[name] !== undefined) shown[name] = HIDDEN;
  const { credentials } = shown;
  if (typeof credentials === 'object' && credentials !== null) {
    const { username, source, mechanism } = credentials as Record<string, unknown>;
    shown.credentials = { username, password: HIDDEN, source, mechanism };
  }
  return shown;
}
