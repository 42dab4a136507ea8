import { applyPatches, checkDriver } from './driver';
import { outsideCalls } from './events';
import { LaneServer } from './lane';
import type { LaneTask } from './protocol';

checkDriver();
applyPatches({ outsideCalls });

/**
 * Opens the worker's lane and returns. Piscina runs this task in each worker. The lane lives in its port until the main
 * thread ends it. The task ends at once, so that an idle pool does not keep the process alive.
 */
export function openLane(task: LaneTask): void {
  new LaneServer(task);
}
