// @ts-check
import { MongoMemoryReplSet, MongoMemoryServer } from 'mongodb-memory-server-core';
import { createDataFolder, deleteDataFolder } from './data-folder.mjs';
import { findMongod } from './find-mongod.mjs';

const launchTimeout = 60_000;

/**
 * @param {import('../api.d.mts').StartMongodOptions} [options]
 * @returns {Promise<import('../api.d.mts').RunningMongod>}
 */
export async function startMongod({
  replicaSet = true,
  members = 1,
  args = [],
  ...findOptions
} = {}) {
  const found = await findMongod(findOptions);
  if (found.source === 'MONGODB_URI') {
    const stop = async () => {};
    return { uri: found.uri, source: found.source, stop, [Symbol.asyncDispose]: stop };
  }

  const count = replicaSet ? members : 1;
  const dataFolders = Array.from({ length: count }, createDataFolder);
  const instances = dataFolders.map((dbPath) => ({
    dbPath,
    args: [...quietArgs(), ...args],
    storageEngine: /** @type {const} */ ('wiredTiger'),
    launchTimeout,
  }));
  // The version check would warn that the binary differs from the version that the library would download.
  const binary = { systemBinary: found.binary, version: '' };
  process.env.MONGOMS_SYSTEM_BINARY_VERSION_CHECK ??= 'false';
  const server = replicaSet
    ? new MongoMemoryReplSet({
        binary,
        instanceOpts: instances,
        replSet: { name: 'rs0', count, ip: '127.0.0.1', storageEngine: 'wiredTiger' },
      })
    : new MongoMemoryServer({ binary, instance: { ...instances[0], ip: '127.0.0.1' } });

  // mongodb-memory-server starts a watcher for each mongod, which stops it within two seconds after this process
  // ends. An ordinary exit stops it at once.
  const leaveNothing = () => {
    processesOf(server).forEach((child) => child.kill('SIGKILL'));
    dataFolders.forEach(deleteDataFolder);
  };
  process.once('exit', leaveNothing);

  /** @type {Promise<void> | undefined} */
  let stopping;
  const stop = () =>
    (stopping ??= (async () => {
      try {
        await server.stop({ doCleanup: false });
      } finally {
        process.off('exit', leaveNothing);
        leaveNothing();
      }
    })());

  try {
    await server.start();
  } catch (error) {
    await stop();
    throw new Error(`mongod (${found.binary}) did not start`, { cause: error });
  }
  // The URI has no database name: `mongodb://127.0.0.1:1234/?replicaSet=rs0`.
  return { uri: server.getUri(), source: found.source, stop, [Symbol.asyncDispose]: stop };
}

/** Disturbs measurements less: writes no statistics twice a second, and prints no slow queries. */
function quietArgs() {
  const args = [
    '--setParameter',
    'diagnosticDataCollectionEnabled=false',
    '--wiredTigerCacheSizeGB',
    '1',
  ];
  return process.platform === 'win32' ? args : [...args, '--nounixsocket'];
}

/** @param {MongoMemoryReplSet | MongoMemoryServer} server */
function processesOf(server) {
  const servers = server instanceof MongoMemoryReplSet ? server.servers : [server];
  return servers.flatMap((one) => one.instanceInfo?.instance.mongodProcess ?? []);
}
