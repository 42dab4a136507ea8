// Loaded into every thread by NODE_OPTIONS: takes private methods from the driver of our workers, as another version may.
const { isMainThread, workerData } = require('node:worker_threads');

if (!isMainThread && workerData === '@mongo-offload/core') {
  for (const part of process.env.MISSING.split(' ')) {
    const [module, className, method] = part.split(':');
    const exported = require(module);
    if (method === undefined) exported[className] = undefined;
    else delete exported[className].prototype[method];
  }
}
