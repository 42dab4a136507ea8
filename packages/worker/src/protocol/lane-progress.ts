/**
 * How far a worker has come with its lane, in memory that both threads see. The main thread reads it when
 * the worker is gone: then no message of it can be relied on any more, and yet what was never begun
 * must be told from what may have reached the server.
 */
export class LaneProgress {
  /** 0 until the worker serves the lane; then the last call that it took, or -1 before the first. */
  readonly #taken: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#taken = new BigInt64Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  }

  /** To be called in the worker, when it serves the lane. */
  serve(): void {
    Atomics.store(this.#taken, 0, -1n);
  }

  /** Whether the worker has ever served the lane: it started, and loaded the driver. */
  get served(): boolean {
    return Atomics.load(this.#taken, 0) !== 0n;
  }

  /** To be called in the worker before it looks at calls. Their numbers, from 1, only grow. */
  take(lastCall: number): void {
    Atomics.store(this.#taken, 0, BigInt(lastCall));
  }

  /** Whether the worker has begun a call: what it has not begun was not seen by any server. */
  hasTaken(call: number): boolean {
    return Atomics.load(this.#taken, 0) >= BigInt(call);
  }
}
