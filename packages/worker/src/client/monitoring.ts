import { outsideCalls } from '../events';

/** The methods of the driver's monitors with which operations start or restart a check. */
const METHODS = ['connect', 'requestCheck', 'reset'] as const;

type Method = (this: object) => void;

/**
 * Makes this thread's copy of the driver (7.9) check servers outside of the call that starts the check. Otherwise what
 * the monitoring finds later, such as a server whose pool must be cleared, would be reported as caused by that call.
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
