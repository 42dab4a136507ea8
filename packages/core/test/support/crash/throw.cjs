// Runs in a worker: throws where nothing catches.
queueMicrotask(() => {
  throw new RangeError('thrown on purpose');
});
