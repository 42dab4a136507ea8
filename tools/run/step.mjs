// @ts-check
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the whole workspace. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The folder for files that can be made again: stamps, downloads, reports. */
export const cacheFolder = path.join(root, 'node_modules', '.cache', 'mongo-offload');

/** A program ended with an exit code other than 0. */
export class StepFailed extends Error {
  /**
   * @param {string} title
   * @param {number} exitCode
   * @param {string} [output] its output, if that was not shown
   */
  constructor(title, exitCode, output) {
    super(`${title} failed (exit code ${exitCode})`);
    this.name = 'StepFailed';
    this.exitCode = exitCode;
    this.output = output;
  }
}

/** @param {string} line */
export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** @param {number} since from performance.now() */
export function secondsSince(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/**
 * Runs a program in the root of the workspace and returns its stdout.
 *
 * `quiet` shows the output only if the program fails.
 *
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @param {{ quiet?: boolean, cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<string>}
 */
export function run(title, command, args, { quiet = false, cwd = root, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      // npx is a .cmd file on Windows, which only a shell can start.
      shell: process.platform === 'win32' && command !== process.execPath,
    });
    let stdout = '';
    let all = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      all += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      all += text;
    });
    // Ctrl-C reaches the whole process group. A signal to this process alone is forwarded.
    const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    process.on('SIGINT', forward);
    process.on('SIGTERM', forward);
    const done = () => {
      process.off('SIGINT', forward);
      process.off('SIGTERM', forward);
    };
    child.on('error', (cause) => {
      done();
      reject(new Error(`${title}: could not start ${command}`, { cause }));
    });
    child.on('close', (code, signal) => {
      done();
      if (code === 0) return resolve(stdout);
      if (quiet) process.stderr.write(all);
      reject(new StepFailed(title, code ?? (signal === 'SIGINT' ? 130 : 1), all));
    });
  });
}

/**
 * Runs a script of an installed package, as `npx name` would, but without npx.
 *
 * @param {string} title
 * @param {string} bin a path inside node_modules
 * @param {string[]} args
 * @param {Parameters<typeof run>[3]} [options]
 */
export function runTool(title, bin, args, options) {
  return run(title, process.execPath, [path.join(root, 'node_modules', bin), ...args], options);
}

/**
 * Runs `main` as a program. A failed step has printed the reason, so this prints only its title.
 *
 * @param {() => Promise<void>} main
 */
export async function program(main) {
  try {
    await main();
  } catch (error) {
    if (error instanceof StepFailed) {
      process.stderr.write(`\n${error.message}\n`);
      process.exitCode = error.exitCode;
    } else {
      console.error(error);
      process.exitCode = 1;
    }
  }
}
