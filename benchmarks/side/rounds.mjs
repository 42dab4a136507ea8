import { quietMoment } from '../measure/quiet-moment.mjs';
import { runChild } from './run-child.mjs';

/**
 * Runs all sections, on both sides, so many times. A round goes through everything, so that a disturbance
 * from outside falls on one round of many sections and not on all rounds of one; the sides take turns in
 * going first.
 *
 * @returns {Promise<{ measured: Map<string, Record<string, object[]>>, failures: string[], turns: { all: number, disturbed: number } }>}
 *   `disturbed`: how many began while something else used the processors
 */
export async function runRounds(
  sections,
  { rounds, database, patienceMS, onRound, onSection, ...common },
) {
  const measured = new Map(sections.map(({ id }) => [id, { native: [], ours: [] }]));
  const failures = [];
  const witnesses = new Map();
  const turns = { all: 0, disturbed: 0 };
  for (let round = 1; round <= rounds; round++) {
    onRound(round);
    for (const [index, section] of sections.entries()) {
      const { id, subject, title, sides = ['native', 'ours'] } = section;
      const place = `round ${round} of ${rounds}, ${index + 1} of ${sections.length}`;
      onSection(`${place}: ${subject}, ${title}`);
      for (const side of round % 2 === 1 ? sides : sides.toReversed()) {
        const { program, settings, workers = common.workers, ownDatabase } = section;
        turns.all += 1;
        if ((await quietMoment(patienceMS)) === false) turns.disturbed += 1;
        const own = ownDatabase ? `${database}_${side}_${round}` : database;
        try {
          const job = { ...common, program, side, settings, workers, database: own };
          const { metrics, witness } = await runChild(job);
          measured.get(id)[side].push(metrics);
          const seen = JSON.stringify(witness);
          if (!witnesses.has(id)) witnesses.set(id, seen);
          else if (witnesses.get(id) !== seen) {
            failures.push(`${id} (${side}) saw ${seen}, another run ${witnesses.get(id)}`);
          }
        } catch (error) {
          failures.push(`${id}: ${error.message}`);
        }
      }
    }
  }
  return { measured, failures, turns };
}
