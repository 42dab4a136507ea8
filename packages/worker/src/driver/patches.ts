import { refuseUnsoundHellos, refuseUnsoundReplies } from '../server-checks';
import { giveCarriedSignals } from './operation-signal';
import { mendLostConnections } from './lost-connections';
import { reportLostCursorsSoon } from './lost-cursors';
import { detachMonitoring } from './monitoring';
import { rememberReplies } from './reply-bytes';
import { watchServerFailures } from './server-failures';

/** What the patches need from folders that import this one. */
export interface PatchNeeds {
  /** Runs its argument outside of any call. */
  outsideCalls: (work: () => void) => void;
}

/** Replaces methods in this thread's copy of the driver. Runs once in each worker, before the first client is made. */
export function applyPatches({ outsideCalls }: PatchNeeds): void {
  rememberReplies();
  giveCarriedSignals();
  reportLostCursorsSoon();
  // The order matters: both replace Connection.writeCommand, and the time is taken before the write starts.
  mendLostConnections();
  watchServerFailures();
  detachMonitoring(outsideCalls);
  refuseUnsoundReplies();
  refuseUnsoundHellos();
}
