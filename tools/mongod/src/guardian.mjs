// @ts-check
// Started by member.mjs's replica set, beside it: its input ends when the process that writes it does,
// however that came. What was begun and not ended by then is ended here.
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
    // It has ended by itself.
  }
}
folders.forEach(deleteDataFolder);
