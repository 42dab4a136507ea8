// Runs in a worker: ends its thread as native code would.
process.exit(3);
