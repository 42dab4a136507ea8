// What the programs of this folder report of themselves.
'use strict';

/** What the program saw, by name. */
const seen = {};

const commands = new Set();
if (process.env.TEST_SPY === '1') {
  // The commands that this thread's copy of the driver sends; the monitoring's are its own.
  const { Connection } = require('mongodb/lib/cmap/connection');
  const { sendCommand } = Connection.prototype;
  Connection.prototype.sendCommand = function (ns, command, ...rest) {
    commands.add(Object.keys(command)[0]);
    return sendCommand.call(this, ns, command, ...rest);
  };
}

/** Ids and times differ from run to run. */
const stable = (value) =>
  JSON.parse(
    JSON.stringify(value ?? null, (key, item) => {
      if (['createdAt', 'updatedAt', '$clusterTime', 'operationTime'].includes(key))
        return typeof item;
      if (typeof item === 'bigint') return String(item);
      return typeof item === 'string' && /^[0-9a-f]{24}$/.test(item) ? 'id' : item;
    }),
  );

const report = () => process.stdout.write(JSON.stringify({ seen, commands: [...commands].sort() }));

// A program that hangs is ended by its test, whose message then says how far the program came.
process.once('SIGTERM', () => {
  console.error(`ended while it ran; seen until then: ${Object.keys(seen).join(', ')}`);
  process.exit(1);
});

module.exports = { report, seen, stable };
