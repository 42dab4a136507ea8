import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('lane-process.mjs', import.meta.url));

/**
 * @typedef {object} Result
 * @property {string} id
 * @property {'passed' | 'failed' | 'skipped'} status
 * @property {string} [reason]
 * @property {number} ms
 * @property {string[]} onMain the commands that the driver sent from the main thread, without its monitoring
 */

/**
 * A process that runs cases on one driver and one server, one after the other. A case that ends the
 * process, or blocks it, fails, and the rest goes on in a new process.
 */
export class Lane {
  #settings;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  #stderr = '';

  /** @param {{ driver: string, folder: string, uri: string, ownServer: boolean, monitoring: boolean, limit: number }} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  /**
   * Runs the cases with these ids.
   *
   * @param {string[]} ids
   * @returns {AsyncGenerator<Result>}
   */
  async *run(ids) {
    let rest = ids;
    while (rest.length > 0) {
      this.#child ??= await this.#start();
      let running = rest[0];
      const messages = this.#messages(this.#child);
      this.#child.send(rest);
      for await (const message of messages) {
        if (message.type === 'idle') return;
        if (message.type === 'begin') running = message.id;
        if (message.type === 'end') {
          rest = rest.slice(1);
          yield message.result;
        }
        if (message.type === 'lost') {
          this.#child = undefined;
          rest = rest.filter((id) => id !== running);
          yield { ...message.result, id: running, status: 'failed', onMain: [] };
          break;
        }
      }
    }
  }

  async close() {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const exit = once(child, 'exit');
    child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await exit;
    clearTimeout(timer);
  }

  async #start() {
    const child = fork(program, [JSON.stringify(this.#settings)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What the parent was started with, a test runner's flags among it, is not for the driver.
      execArgv: [],
    });
    this.#stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    const [message] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(
          `The process for ${this.#settings.driver} ended with ${code} while starting:\n${this.#stderr}`,
        );
      }),
    ]);
    if (message.type !== 'ready') throw new Error(`Expected ready, got ${message.type}`);
    return child;
  }

  /** The process's messages, and `lost` where it ended or said nothing for too long. */
  async *#messages(child) {
    const queue = [];
    let wake = () => {};
    const push = (message) => {
      queue.push(message);
      wake();
    };
    const onExit = (code, signal) =>
      push({
        type: 'lost',
        result: { reason: `ended the process (${signal ?? code}): ${this.#lastWords()}`, ms: 0 },
      });
    child.on('message', push);
    child.once('exit', onExit);
    const patience = 5 * this.#settings.limit;
    try {
      for (;;) {
        let timer;
        if (queue.length === 0) {
          await new Promise((resolve) => {
            wake = resolve;
            timer = setTimeout(resolve, patience);
          });
          clearTimeout(timer);
        }
        if (queue.length > 0) {
          yield queue.shift();
        } else {
          child.off('exit', onExit);
          child.kill('SIGKILL');
          const reason = `blocked the process for ${patience} ms`;
          yield { type: 'lost', result: { reason, ms: patience } };
        }
      }
    } finally {
      child.off('message', push);
      child.off('exit', onExit);
    }
  }

  #lastWords() {
    return this.#stderr.trim().split('\n').slice(-8).join(' | ');
  }
}
