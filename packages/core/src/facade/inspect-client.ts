import type { InspectOptions, inspect } from 'node:util';

/** Options of a client that nobody is to read in a log. */
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

/** The driver's own state of a client; the connection string and credentials stand in many places of it. */
const INTERNALS = ['s', 'topology'] as const;

const HIDDEN = '<hidden>';

/** Those that are being shown: what hangs on one may lead back to it, which Node does not see past us. */
const showing = new Set<object>();

/**
 * What `util.inspect`, and so `console.log`, shows of a client: what the driver's own shows, without passwords,
 * keys, and the driver's own state.
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

/** A session of the driver's shows its client's options, which have the password. */
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
