// @ts-check
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/**
 * @param {import('../api.d.mts').ProxyOptions} options
 * @returns {Promise<import('../api.d.mts').Proxy>}
 */
export async function startProxy(options) {
  // The proxy has its own thread, so it does not disturb tests that measure their event loop.
  const thread = new Worker(fileURLToPath(new URL('./thread.mjs', import.meta.url)), {
    workerData: options,
    execArgv: [],
  });
  const [port] = await once(thread, 'message');
  thread.unref();

  let nextOrder = 1;
  /** @type {Map<number, (result: any) => void>} */
  const waiting = new Map();
  thread.on('message', ({ order, result }) => {
    waiting.get(order)?.(result);
    waiting.delete(order);
  });
  /**
   * @param {'set' | 'cut' | 'connections'} what
   * @param {import('../api.d.mts').Faults} [faults]
   * @returns {Promise<any>}
   */
  const order = (what, faults) =>
    new Promise((resolve) => {
      waiting.set(nextOrder, resolve);
      thread.postMessage({ order: nextOrder++, what, faults });
    });

  /** @type {Promise<void> | undefined} */
  let closing;
  const close = () =>
    (closing ??= (async () => {
      // It ends by itself when all connections are closed.
      const exit = once(thread, 'exit');
      thread.ref();
      thread.postMessage({ what: 'close' });
      await exit;
    })());
  return {
    port,
    set: (faults) => order('set', faults),
    heal: () => order('set', {}),
    cut: () => order('cut'),
    connections: () => order('connections'),
    close,
    [Symbol.asyncDispose]: close,
  };
}
