import { Worker } from 'node:worker_threads';

/** No series takes a hundredth of this: an input that does is read without end. */
const LIMIT_MS = 30_000;

/**
 * Ends the process when one series does not end: the thread that is caught in a loop cannot say so itself.
 */
export class Watchdog {
  readonly #progress = new Int32Array(new SharedArrayBuffer(4));
  readonly #thread: Worker;

  constructor(seed: number) {
    this.#thread = new Worker(
      `const { workerData: { progress, limit, seed } } = require('node:worker_threads');
       const { writeSync } = require('node:fs');
       let seen = -1;
       setInterval(() => {
         if (progress[0] !== seen) return void (seen = progress[0]);
         writeSync(2, 'No end within ' + limit + ' ms.\\n' +
           'Again by: npm run fuzz -- --seed ' + seed + ' --series ' + seen + '\\n');
         process.kill(process.pid, 'SIGKILL');
       }, limit);`,
      { eval: true, workerData: { progress: this.#progress, limit: LIMIT_MS, seed } },
    );
    this.#thread.unref();
  }

  get series(): number {
    return this.#progress[0];
  }

  set series(series: number) {
    this.#progress[0] = series;
  }

  stop(): void {
    void this.#thread.terminate();
  }
}
