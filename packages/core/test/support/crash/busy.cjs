// Runs in a worker: looks at nothing for a while, and lives on.
const until = performance.now() + 3000;
while (performance.now() < until);
exports.default = () => undefined;
