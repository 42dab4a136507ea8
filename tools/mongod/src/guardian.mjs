// @ts-check
// Runs alongside the replica set of start-replica-set.mjs. Its input ends when the parent process ends, for any
// reason. It then kills the servers that still run.
import { createInterface } from 'node:readline';
import { deleteDataFolder } from './data-folder.mjs';

/** @type {Set<number>} */
const running = new Set();
/** @type {Set<string>} */
const folders = new Set();

for await (const line of createInterface({ input: process.stdin })) {
  const { started, ended, folder } = JSON.parse(line);
  if (started !== undefined) running.add(started);
  if (ended !== undefined) running.delete(ended);
  if (folder !== undefined) folders.add(folder);
}
for (const pid of running) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has already ended.
  }
}
folders.forEach(deleteDataFolder);
