// Runs in a worker: looks at nothing for a while, and then ends its thread.
const until = performance.now() + 300;
while (performance.now() < until);
process.exit(4);
