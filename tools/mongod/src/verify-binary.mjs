// @ts-check
import { execFile } from 'node:child_process';

/**
 * Checks that a downloaded mongod runs on this machine.
 *
 * @param {string} binary
 * @returns {Promise<void>}
 */
export function verifyBinary(binary) {
  return new Promise((resolve, reject) => {
    execFile(binary, ['--version'], { timeout: 15_000 }, (error, _stdout, stderr) => {
      if (!error) return resolve();
      const library = /(lib[\w.+-]+): cannot open shared object/.exec(stderr)?.[1];
      const hint =
        library === undefined
          ? stderr.trim() || error.message
          : `the shared library ${library} is missing (on Debian and Ubuntu: apt-get install libcurl4)`;
      reject(new Error(`${binary} does not run here: ${hint}`));
    });
  });
}
