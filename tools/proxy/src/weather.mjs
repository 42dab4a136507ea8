// @ts-check
import { EventEmitter, once } from 'node:events';

/** The faults that hold now, for all connections of a proxy; emits `change`. */
export class Weather extends EventEmitter {
  /** @type {import('../api.d.mts').Faults} */
  faults = {};

  constructor() {
    super();
    // Each connection waits in both directions.
    this.setMaxListeners(0);
  }

  /** @param {import('../api.d.mts').Faults} faults */
  change(faults) {
    this.faults = faults;
    this.emit('change');
  }

  /**
   * Resolves when nothing is stalled.
   *
   * @param {AbortSignal} signal
   */
  async untilItFlows(signal) {
    while (this.faults.stalled === true) await once(this, 'change', { signal });
  }
}
