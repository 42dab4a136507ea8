// Loaded into every thread by NODE_OPTIONS: while the file BROKEN exists, our workers fail as they start.
const { appendFileSync, existsSync } = require('node:fs');
const { isMainThread, workerData } = require('node:worker_threads');

const { BROKEN, STARTS } = process.env;
if (!isMainThread && workerData === '@mongo-offload/core') {
  appendFileSync(STARTS, '.');
  if (existsSync(BROKEN)) {
    if (process.env.HOW === 'exit') process.exit(7);
    throw new Error('broken on purpose');
  }
}
