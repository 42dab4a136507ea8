import { measured } from '../measure/measured.mjs';
import { withClient } from '../side/with-client.mjs';
import * as gridFS from './driver-bench/gridfs.mjs';
import * as multiDocument from './driver-bench/multi-document.mjs';
import * as parallel from './driver-bench/parallel.mjs';
import * as singleDocument from './driver-bench/single-document.mjs';

/**
 * Maps each task of the catalogue to a function that returns its plan for `measured`. `megabytes` is the size of
 * the task's data set, as the drivers' common benchmark counts it.
 */
const tasks = { ...singleDocument, ...multiDocument, ...gridFS, ...parallel };

export async function run(job) {
  return await withClient(job, async ({ db, module, restingMemory }) => {
    const { settings, files, sharedDatabase } = job;
    const shared = { db, module, files, sharedDatabase, ...settings };
    const { finish, ...plan } = await tasks[settings.task](shared);
    const outcome = await measured({ ...plan, restingMemory });
    await finish?.();
    await db.dropDatabase();
    return outcome;
  });
}
