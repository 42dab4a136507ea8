import { MONITOR_METHODS, MonitorClass, replaceMethod } from './internals';

/**
 * Makes this thread's copy of the driver (7.9) check servers outside of the call that starts the check. Otherwise what
 * the monitoring finds later, such as a server whose pool must be cleared, would be reported as caused by that call.
 *
 * @param outsideCalls - runs its argument outside of any call
 */
export function detachMonitoring(outsideCalls: (work: () => void) => void): void {
  for (const name of MONITOR_METHODS) {
    replaceMethod(
      MonitorClass?.prototype,
      name,
      (native) =>
        function () {
          outsideCalls(() => native.call(this));
        },
    );
  }
}
