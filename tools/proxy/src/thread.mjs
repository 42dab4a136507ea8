// @ts-check
// The thread of one proxy; start-proxy.mjs sends it orders.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { Connection } from './connection.mjs';
import { Weather } from './weather.mjs';

/** @type {import('../api.d.mts').ProxyOptions} */
const { port: target, only } = workerData;
const weather = new Weather();
/** @type {Set<Connection>} */
const connections = new Set();

const server = createServer({ allowHalfOpen: true }, (socket) => {
  const connection = new Connection(socket, target, weather, only, () =>
    connections.delete(connection),
  );
  connections.add(connection);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
parentPort?.postMessage(port);

const orders = {
  /** @param {import('../api.d.mts').Faults} faults */
  async set(faults) {
    weather.change(faults);
    // The kind of a connection is known only from its first packet. Without `only`, all are refused at once; else
    // each after its first packet.
    const refuses = faults.refused === true && only === undefined;
    if (refuses && server.listening) server.close();
    else if (!refuses && !server.listening) {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    }
  },
  cut() {
    const open = concerned();
    for (const connection of open) connection.reset();
    return open.length;
  },
  connections: () => concerned().length,
  close() {
    server.close();
    for (const connection of connections) connection.reset();
    parentPort?.close();
  },
};

function concerned() {
  return [...connections].filter((connection) => connection.isConcerned);
}

/** @param {{ order: number, what: keyof typeof orders, faults: any }} message */
async function obey({ order, what, faults }) {
  parentPort?.postMessage({ order, result: await orders[what](faults) });
}
parentPort?.on('message', (message) => void obey(message));
