import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

/**
 * Node's own timers, as they were when the package was loaded. Tests replace them by faked ones, which stand still until
 * they are told to go on; the driver gets on without them, and so must we.
 */
export const timers = { clearTimeout, setImmediate, setTimeout, nextTurn, delay } as const;
