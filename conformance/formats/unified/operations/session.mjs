import { Skip } from '../../outcome.mjs';
import { convertOptions } from '../options.mjs';

/** Operations on a session. */
export const sessionOperations = {
  startTransaction: (session, options) => session.startTransaction(options),
  commitTransaction: (session) => session.commitTransaction(),
  abortTransaction: (session) => session.abortTransaction(),
  endSession: (session) => session.endSession(),

  withTransaction(session, { callback, ...options }, { run, driver }) {
    return session.withTransaction(
      async () => {
        for (const operation of callback) {
          // Every error goes on to the driver, whether it was expected or not.
          const error = await run(operation);
          if (error !== undefined) throw error;
        }
      },
      convertOptions(options, driver),
    );
  },

  getSnapshotTime() {
    throw new Skip('the driver has no public snapshot time');
  },
};
