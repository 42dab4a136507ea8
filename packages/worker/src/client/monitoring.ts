import { outsideCalls } from '../events';

/** The methods of the driver's monitors by which operations start a check, or have it start again. */
const METHODS = ['connect', 'requestCheck', 'reset'] as const;

type Method = (this: object) => void;

/**
 * Has this thread's copy of the driver (7.9) check servers outside of the call that makes it do so. What the monitoring finds
 * later, such as a server whose pool is to be cleared, would else be reported as caused by that call.
 */
export function detachMonitoring(): void {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES export of it
  const { Monitor } = require('mongodb/lib/sdam/monitor') as {
    Monitor?: { prototype: Partial<Record<(typeof METHODS)[number], Method>> };
  };
  if (Monitor === undefined) return;
  for (const name of METHODS) {
    const native = Monitor.prototype[name];
    if (native === undefined) continue;
    Monitor.prototype[name] = function () {
      outsideCalls(() => native.call(this));
    };
  }
}
