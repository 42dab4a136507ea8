// @ts-check
import { EventEmitter, once } from 'node:events';

/** The current faults of all connections of a proxy; emits `change`. */
export class Weather extends EventEmitter {
  /** @type {import('../api.d.mts').Faults} */
  faults = {};

  constructor() {
    super();
    // Each connection waits with a listener for each direction.
    this.setMaxListeners(0);
  }

  /** @param {import('../api.d.mts').Faults} faults */
  change(faults) {
    this.faults = faults;
    this.emit('change');
  }

  /**
   * Resolves when there is no stall.
   *
   * @param {AbortSignal} signal
   */
  async untilItFlows(signal) {
    while (this.faults.stalled === true) await once(this, 'change', { signal });
  }
}
