// Loaded in a worker, it reports the options of each client that the worker makes, instead of letting it connect.
const { BroadcastChannel, isMainThread } = require('node:worker_threads');

/**
 * Returns options as plain values that can be compared: functions by their presence, instances with their class.
 *
 * @param {any} value
 * @param {Set<unknown>} [seen]
 * @returns {unknown}
 */
function plain(value, seen = new Set()) {
  if (typeof value === 'function') return '[function]';
  if (typeof value === 'symbol' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (typeof value.then === 'function') return '[promise]';
  if (ArrayBuffer.isView(value)) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (seen.has(value)) return '[seen]';
  seen.add(value);
  if (Array.isArray(value)) return value.map((item) => plain(item, seen));
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  const own = name === undefined || name === 'Object' ? {} : { class: name };
  for (const key of Object.keys(value).sort()) own[key] = plain(value[key], seen);
  return own;
}

exports.plain = plain;
/** Where a worker reports the options of its clients. */
exports.CHANNEL = 'the options of the clients in workers';
exports.default = () => undefined;

if (!isMainThread) {
  const { MongoClient } = require('mongodb');
  const report = (what) => {
    const channel = new BroadcastChannel(exports.CHANNEL);
    channel.postMessage(what);
    channel.close();
  };
  report({ loaded: true });
  MongoClient.prototype.db = function () {
    report(plain(this.options));
    return { command: () => Promise.reject(new Error('reported')) };
  };
}
