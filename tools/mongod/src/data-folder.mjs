// @ts-check
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const parent = path.join(os.tmpdir(), 'mongo-offload-mongod');
// A running mongod writes a checkpoint every minute.
const surelyUnused = 5 * 60_000;

/** An empty folder for one mongod's data, named for the process that it belongs to. */
export function createDataFolder() {
  mkdirSync(parent, { recursive: true });
  deleteOrphans();
  return mkdtempSync(path.join(parent, `${process.pid}-`));
}

/** @param {string} folder */
export function deleteDataFolder(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** A process that was killed could not delete its data, some 200 MB; the next one does. */
function deleteOrphans() {
  for (const name of readdirSync(parent)) {
    const folder = path.join(parent, name);
    if (!isAlive(Number.parseInt(name, 10)) && isOld(folder)) deleteDataFolder(folder);
  }
}

/**
 * The age matters where containers share a folder for temporary files: the other's processes look dead.
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
