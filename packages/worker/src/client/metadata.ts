import type { DriverInfo, MongoClient } from 'mongodb';

import { clientInternals } from '../driver';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- outside of what tsc compiles
const { version } = require('../../package.json') as { version: string };

/** Our name in the server's log and in `currentOp`, next to the driver's. */
const US: DriverInfo = { name: 'mongo-offload', version };

/** Adds our name to a client's handshake, after its option `driverInfo`, and then what was appended since. */
export function nameClient(client: MongoClient, appended: readonly DriverInfo[]): void {
  appendMetadata(client, US);
  for (const driverInfo of appended) appendMetadata(client, driverInfo);
}

/**
 * Appends to a client's handshake, for later connections. A handshake has at most 512 bytes. A name that does not fit
 * is left out, because a handshake without the driver's name fails.
 *
 * The driver computes the metadata some turns after a name was appended. Each name waits for the ones before it, so
 * that the metadata before it can be restored.
 */
export function appendMetadata(client: MongoClient, driverInfo: DriverInfo): void {
  const { options } = clientInternals(client);
  options.metadata = options.metadata?.then(async (before) => {
    const newest = options.metadata;
    client.appendMetadata(driverInfo);
    const after = options.metadata;
    options.metadata = newest;
    if (after === undefined || after === newest) return before;
    const metadata = await after;
    return 'driver' in metadata ? metadata : before;
  });
}
