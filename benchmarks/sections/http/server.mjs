import { pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { idOf } from '../../data/documents.mjs';

/** Costs one or two milliseconds of the main thread. */
const hashIterations = 2_000;

const exportWays = {
  async stream(cursor, response) {
    await pipeline(cursor.map(toLine).stream(), response);
  },
  async forAwait(cursor, response) {
    for await (const document of cursor) {
      if (!response.write(toLine(document))) await once(response, 'drain');
    }
    response.end();
  },
  async toArray(cursor, response) {
    for (const document of await cursor.toArray()) {
      if (!response.write(toLine(document))) await once(response, 'drain');
    }
    response.end();
  },
};

/**
 * Starts a server as users write it, the same for all sides:
 * - `/health` answers at once
 * - `/documents/<number>` reads one document
 * - `/busy` hashes a password
 * - `/export` writes the collection as lines of JSON, in the given way of reading
 */
export async function startServer(collection, documents, exportWay) {
  const endpoints = {
    health: (_, response) => response.end('ok'),
    async documents(number, response) {
      const document = await collection.findOne({ _id: idOf(Number(number) % documents) });
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(document));
    },
    busy(_, response) {
      response.end(pbkdf2Sync('password', 'salt', hashIterations, 32, 'sha256').toString('hex'));
    },
    async export(_, response) {
      response.setHeader('content-type', 'application/x-ndjson');
      await exportWays[exportWay](collection.find(), response);
    },
  };
  const serve = async (request, response) => {
    const [, name, argument] = request.url.split('/');
    try {
      await endpoints[name](argument, response);
    } catch (error) {
      console.error(error);
      response.destroy();
    }
  };
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function toLine(document) {
  return `${JSON.stringify(document)}\n`;
}
