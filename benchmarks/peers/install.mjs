import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
const folder = fileURLToPath(
  new URL('../node_modules/.cache/mongo-offload/peers', import.meta.url),
);
const python = path.join(folder, 'bin', 'python');

/**
 * Returns a Python with Motor and PyMongo in its own virtual environment, which the first call makes.
 *
 * @returns {Promise<{ python: string } | { missing: string }>} `missing`: why there is no such Python
 */
export async function installPeers({ onProgress }) {
  try {
    await run('python3', ['-c', 'import venv, ensurepip']);
  } catch (error) {
    return { missing: `no python3 with venv: ${firstLine(error)}` };
  }
  try {
    if (!existsSync(python)) await run('python3', ['-m', 'venv', folder]);
    if (!(await hasPeers())) {
      onProgress('Installing Motor and PyMongo …');
      await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    }
    return { python };
  } catch (error) {
    // The next run would mistake a half-made environment for a complete one.
    await rm(folder, { recursive: true, force: true });
    return { missing: `they could not be installed: ${firstLine(error)}` };
  }
}

async function hasPeers() {
  try {
    await run(python, ['-c', 'import motor.motor_asyncio, pymongo.asynchronous.mongo_client']);
    return true;
  } catch {
    return false;
  }
}

function firstLine(error) {
  return String(error.stderr || error.message)
    .trim()
    .split('\n')
    .at(-1);
}
