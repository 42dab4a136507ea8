import { startMongod } from '@mongo-offload/mongod';
import { Lane } from './lane.mjs';

/**
 * Runs files on a driver, on a server of its own or the one that is given.
 *
 * @param {object} options
 * @param {string} options.driver
 * @param {string} options.folder of the specifications
 * @param {import('./discover.mjs').SpecificationFile[]} options.files
 * @param {boolean} [options.monitoring] whether clients may monitor their commands
 * @param {number} options.limit how long a case may take, in milliseconds
 * @param {string} [options.uri]
 * @returns {Promise<import('./lane.mjs').Result[]>}
 */
export async function runDriver({ driver, folder, files, monitoring = true, limit, uri }) {
  const server = uri ? undefined : await startServer();
  const lane = new Lane({
    driver,
    folder,
    monitoring,
    limit,
    uri: uri ?? server.uri,
    ownServer: server !== undefined && server.source !== 'MONGODB_URI',
  });
  const results = [];
  try {
    for (const { cases } of files) {
      for await (const result of lane.run(cases.map(({ id }) => id))) {
        results.push(result);
      }
    }
  } finally {
    await lane.close();
    await server?.stop();
  }
  return results;
}

function startServer() {
  return startMongod({
    // Fail points are a test command.
    args: ['--setParameter', 'enableTestCommands=1'],
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
}
