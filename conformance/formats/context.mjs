/**
 * What every case is run with.
 *
 * @typedef {object} Context
 * @property {typeof import('mongodb')} driver the module under test
 * @property {boolean} monitoring whether clients may monitor their commands; if not, nothing is asserted of them
 * @property {import('mongodb').MongoClient} internal a client of the native driver, for set-up and looking
 * @property {string} uri
 * @property {boolean} ownServer whether nobody else uses the server
 * @property {import('./unified/requirements.mjs').Server} server
 * @property {number} limit how long one case may take, in milliseconds
 */

import mongodb from 'mongodb';

/** By which the connections of the internal client are told from those of the driver under test. */
export const internalAppName = 'conformance-internal';

/**
 * @param {{ driver: typeof mongodb, uri: string, ownServer: boolean, monitoring: boolean, limit: number }} given
 * @returns {Promise<Context>}
 */
export async function openContext(given) {
  const internal = new mongodb.MongoClient(given.uri, {
    appName: internalAppName,
    minHeartbeatFrequencyMS: 20,
  });
  const admin = internal.db('admin');
  const [{ versionArray }, hello, parameters] = await Promise.all([
    admin.command({ buildInfo: 1 }),
    admin.command({ hello: 1 }),
    admin.command({ getParameter: '*' }),
  ]);
  const server = {
    version: versionArray.slice(0, 3),
    topology: topologyOf(hello),
    members: hello.hosts?.length ?? 1,
    auth: Boolean(internal.options.credentials),
    parameters,
    testCommands: parameters.enableTestCommands === true || parameters.enableTestCommands === 1,
  };
  return { ...given, internal, server };
}

function topologyOf(hello) {
  if (hello.msg === 'isdbgrid') return 'sharded';
  return hello.setName ? 'replicaset' : 'single';
}
