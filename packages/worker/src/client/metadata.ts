import type { DriverInfo, MongoClient } from 'mongodb';

import { clientInternals } from '../driver';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- outside of what tsc compiles
const { version } = require('../../package.json') as { version: string };

/** How the server's log and `currentOp` name us, beside the driver. */
const US: DriverInfo = { name: 'mongo-offload', version };

/** Names us in a client's handshake, behind its option `driverInfo`, and then what was appended since. */
export function nameClient(client: MongoClient, appended: readonly DriverInfo[]): void {
  appendMetadata(client, US);
  for (const driverInfo of appended) appendMetadata(client, driverInfo);
}

/**
 * Appends to a client's handshake what connections made from now on say. A handshake holds 512 bytes:
 * what has no room, since we are named as well, is left away, for without a driver's name it fails.
 *
 * The driver reads its list of names some turns after it was told of one more. So that what was there
 * before can be gone back to, each name waits until the ones before it are done.
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
