import { mendLostConnections } from './client/lost-connections';
import { detachMonitoring } from './client/monitoring';
import { watchServerFailures } from './client/server-failures';
import { refuseUnsoundHellos } from './server-checks/sound-hellos';
import { refuseUnsoundReplies } from './server-checks/sound-replies';
import { Lane } from './lane/lane';
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
