import { mendLostConnections, detachMonitoring, watchServerFailures } from './client';
import { refuseUnsoundHellos, refuseUnsoundReplies } from './server-checks';
import { Lane } from './lane';
import type { LaneTask } from './protocol';

mendLostConnections();
watchServerFailures();
detachMonitoring();
refuseUnsoundReplies();
refuseUnsoundHellos();

/**
 * What Piscina runs in a worker: it opens the worker's lane and returns. The lane lives on in its
 * port until the main thread ends it; the task does not, so that an idle pool keeps no process
 * alive.
 */
export function openLane(task: LaneTask): void {
  new Lane(task);
}
