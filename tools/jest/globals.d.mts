import type { RunningMongod } from '@mongo-offload/mongod';

declare global {
  /** Set by global-setup.mjs for global-teardown.mjs, in jest's main process only. */
  var mongodOfThisRun: RunningMongod | undefined;
}
