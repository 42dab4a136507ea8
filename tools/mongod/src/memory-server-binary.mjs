// @ts-check
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DryMongoBinary } from 'mongodb-memory-server-core';
import { verifyBinary } from './verify-binary.mjs';

const oneDay = 24 * 60 * 60 * 1000;
// A closed network may refuse at once or drop every packet. A download that is silent for this long is aborted.
const silenceBeforeFirstByte = 15_000;
const silenceAfterwards = 60_000;

/**
 * Returns the mongod in the cache of mongodb-memory-server, or downloads one.
 *
 * A failed download is not repeated for a day, so in a closed network only the first run waits for it.
 *
 * @param {{ onProgress: (line: string) => void, env: NodeJS.ProcessEnv, cacheFolder: string }} options
 * @returns {Promise<string>}
 */
export async function findMemoryServerBinary({ onProgress, env, cacheFolder }) {
  const cached = await DryMongoBinary.locateBinary({
    version: env.MONGOMS_VERSION ?? '',
    ...(env.MONGOMS_DOWNLOAD_DIR ? { downloadDir: env.MONGOMS_DOWNLOAD_DIR } : {}),
  });
  if (cached !== undefined) {
    await verifyBinary(cached);
    return cached;
  }

  const failureFile = path.join(cacheFolder, 'mongod-download-failed.json');
  const mirrorChosen = Boolean(env.MONGOMS_DOWNLOAD_MIRROR ?? env.MONGOMS_DOWNLOAD_URL);
  const failure = mirrorChosen ? undefined : recentFailure(failureFile);
  if (failure !== undefined) {
    throw new Error(
      `its download failed within the last day (${failure}); delete ${failureFile} to try again.`,
    );
  }

  onProgress('Downloading mongod by mongodb-memory-server …');
  try {
    const binary = await download(onProgress, env);
    await verifyBinary(binary);
    rmSync(failureFile, { force: true });
    return binary;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    mkdirSync(cacheFolder, { recursive: true });
    writeFileSync(failureFile, JSON.stringify({ at: Date.now(), reason }));
    onProgress(`That did not work (${reason}).`);
    throw error;
  }
}

/** @param {string} file */
function recentFailure(file) {
  if (!existsSync(file)) return undefined;
  try {
    const { at, reason } = JSON.parse(readFileSync(file, 'utf8'));
    return Date.now() - at < oneDay ? String(reason) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Runs the download in its own process, which can be killed. The library itself would keep retrying.
 *
 * @param {(line: string) => void} onProgress
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 */
function download(onProgress, env) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./download-child.mjs', import.meta.url)), [], {
      // One attempt. This library makes none if the value is "0".
      env: { MONGOMS_MAX_RETRIES: '1', ...env },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const giveUp = (/** @type {number} */ silence) =>
      setTimeout(() => settle(new Error(`no answer within ${silence / 1000} s`)), silence);
    let timer = giveUp(silenceBeforeFirstByte);
    let settled = false;
    const settle = (/** @type {string | Error} */ outcome) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      child.kill('SIGKILL');
      if (typeof outcome === 'string') resolve(outcome);
      else reject(outcome);
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (!line.startsWith('Downloading')) return;
        clearTimeout(timer);
        timer = giveUp(silenceAfterwards);
        onProgress(line.trim());
      });
    }
    child.on('message', (/** @type {{ binary?: string, error?: string }} */ message) => {
      settle(message.binary ?? new Error(message.error ?? 'the download failed'));
    });
    child.on('error', settle);
    child.on('exit', (code) => settle(new Error(`the download ended with exit code ${code}`)));
  });
}
