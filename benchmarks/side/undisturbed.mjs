import { setTimeout as sleep } from 'node:timers/promises';
import { mongodSeconds, processorSeconds } from '../measure/processors.mjs';

/** The share of all processors that other programs may use during a measurement. */
const tolerated = 0.08;
const lookMS = 300;

/**
 * Measures, and repeats the measurement until `patienceMS` has passed if other programs used the processors.
 * Returns the least disturbed attempt: the choice never depends on the figures.
 *
 * @template {{ cpuSeconds: number }} Measured
 * @param {() => Promise<Measured>} measure `cpuSeconds`: the CPU time of the measurement itself
 * @param {{ patienceMS: number, mongodPid: number }} options
 * @returns {Promise<{ measured: Measured, othersShare: number | undefined, disturbed: boolean }>}
 *   `othersShare` is undefined without /proc, or if the server runs elsewhere
 */
export async function undisturbed(measure, { patienceMS, mongodPid }) {
  const deadline = performance.now() + patienceMS;
  let best;
  do {
    await quietMoment(deadline);
    const before = look(mongodPid);
    const measured = await measure();
    const after = look(mongodPid);
    const othersShare = shareOfOthers(before, after, measured.cpuSeconds);
    if (best === undefined || othersShare < best.othersShare) best = { measured, othersShare };
  } while (best.othersShare > tolerated && performance.now() < deadline);
  return { ...best, disturbed: best.othersShare > tolerated };
}

function look(mongodPid) {
  return { processors: processorSeconds(), mongod: mongodSeconds(mongodPid) };
}

function shareOfOthers(before, after, ownSeconds) {
  if (before.processors === undefined || before.mongod === undefined) return undefined;
  const busy = after.processors.busy - before.processors.busy;
  const others = busy - ownSeconds - (after.mongod - before.mongod);
  return Math.max(0, others) / (after.processors.all - before.processors.all);
}

/** Waits until the processors are idle, at most until the deadline. */
async function quietMoment(deadline) {
  while (performance.now() < deadline) {
    const before = processorSeconds();
    if (before === undefined) return;
    await sleep(lookMS);
    const after = processorSeconds();
    if (after.busy - before.busy <= tolerated * (after.all - before.all)) return;
    await sleep(1_000 * Math.random());
  }
}
