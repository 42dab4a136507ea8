// Runs in a worker: takes memory until there is none.
const held = [];
for (;;) held.push(Array.from({ length: 10_000 }, (_, i) => ({ i })));
