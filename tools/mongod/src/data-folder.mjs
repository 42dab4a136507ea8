// @ts-check
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const parent = path.join(os.tmpdir(), 'mongo-offload-mongod');
// A running mongod writes a checkpoint every minute.
const surelyUnused = 5 * 60_000;

/** Makes an empty folder for the data of one mongod. Its name starts with the id of this process. */
export function createDataFolder() {
  mkdirSync(parent, { recursive: true });
  deleteOrphans();
  return mkdtempSync(path.join(parent, `${process.pid}-`));
}

/** @param {string} folder */
export function deleteDataFolder(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Deletes the data (some 200 MB) of processes that were killed before they could. */
function deleteOrphans() {
  for (const name of readdirSync(parent)) {
    const folder = path.join(parent, name);
    if (!isAlive(Number.parseInt(name, 10)) && isOld(folder)) deleteDataFolder(folder);
  }
}

/**
 * The age matters if containers share a folder for temporary files, because processes of another container look dead.
 *
 * @param {string} folder
 */
function isOld(folder) {
  const newest = ['', 'WiredTiger.turtle']
    .map((name) => path.join(folder, name))
    .filter((file) => existsSync(file))
    .map((file) => statSync(file).mtimeMs);
  return Date.now() - Math.max(...newest) > surelyUnused;
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
