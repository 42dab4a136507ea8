// Loaded in a worker, it blocks the worker's loop until the main thread writes 1.
const { BroadcastChannel, isMainThread, receiveMessageOnPort } = require('node:worker_threads');

if (!isMainThread) {
  const channel = new BroadcastChannel('blocked worker');
  channel.postMessage('blocked');
  const never = new Int32Array(new SharedArrayBuffer(4));
  const end = Date.now() + 60_000;
  // The loop is blocked as by a long computation; the message that frees it is read without the loop.
  while (Date.now() < end && receiveMessageOnPort(channel) === undefined)
    Atomics.wait(never, 0, 0, 20);
  channel.close();
}
exports.default = () => undefined;
