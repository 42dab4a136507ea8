/**
 * A worker's progress on its lane, in memory that both threads see. The main thread reads it when the worker has died.
 * At that point messages may be lost, but calls that were never started must be distinguished from calls that may have
 * reached the server.
 */
export class LaneProgress {
  /** 0 until the worker serves the lane. Then the last call that it took, or -1 before the first call. */
  readonly #taken: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#taken = new BigInt64Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  }

  /** Marks the lane as served. Called in the worker. */
  serve(): void {
    Atomics.store(this.#taken, 0, -1n);
  }

  /** Whether the worker has ever served the lane, which means that it started and loaded the driver. */
  get served(): boolean {
    return Atomics.load(this.#taken, 0) !== 0n;
  }

  /**
   * Records the last call that the worker is about to take. Called in the worker before it reads the calls. Call
   * numbers start at 1 and only grow.
   */
  take(lastCall: number): void {
    Atomics.store(this.#taken, 0, BigInt(lastCall));
  }

  /** Whether the worker has started a call. If not, no server has seen the call. */
  hasTaken(call: number): boolean {
    return Atomics.load(this.#taken, 0) >= BigInt(call);
  }
}
