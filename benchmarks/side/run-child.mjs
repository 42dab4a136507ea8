import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('child.mjs', import.meta.url));
const peersProgram = fileURLToPath(new URL('../peers/child.py', import.meta.url));

/** The sides that Python runs. */
const peers = ['motor', 'pymongo'];

/** A process that runs longer hangs. */
const limitMS = 600_000;

/** Returns the program of a side: the floor has its own. */
export function programOf(section, side) {
  return side === 'floor' ? section.floor : section.program;
}

/**
 * Runs a job in a fresh process and returns its measurement.
 *
 * @throws {Error} with the output of the process if it fails, hangs, or does not exit by itself
 */
export function runChild({ python, ...job }) {
  const [command, args] = peers.includes(job.side)
    ? [python, [peersProgram]]
    : [process.execPath, ['--expose-gc', program]];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: limitMS,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const name = `${job.program} (${job.side})`;
      if (signal !== null) {
        reject(new Error(`${name} was ended by ${signal} after ${limitMS / 1000} s\n${stderr}`));
      } else if (code !== 0) {
        reject(new Error(`${name} ended with exit code ${code}\n${stderr}`));
      } else {
        resolve(JSON.parse(stdout));
      }
    });
    child.stdin.end(JSON.stringify(job));
  });
}
