import { runChild } from './run-child.mjs';
import { undisturbed } from './undisturbed.mjs';

/**
 * Runs all sections, on both sides, so many times. A round goes through everything, so that a disturbance
 * from outside falls on one round of many sections and not on all rounds of one; the sides take turns in
 * going first.
 *
 * @returns {Promise<{ measured: Map<string, Record<string, object[]>>, failures: string[], turns: { all: number, disturbed: number } }>}
 *   `disturbed`: during how many other programs used the processors
 */
export async function runRounds(
  sections,
  { rounds, database, patienceMS, mongodPid, onRound, onSection, ...common },
) {
  const measured = new Map(sections.map(({ id }) => [id, { native: [], ours: [] }]));
  const failures = [];
  const witnesses = new Map();
  let attempt = 0;
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
        try {
          const job = { ...common, program, side, settings, workers };
          const turn = await undisturbed(
            async () => {
              attempt += 1;
              const own = `${database}_${attempt}`;
              return await runChild({ ...job, database: ownDatabase ? own : database });
            },
            { patienceMS, mongodPid },
          );
          if (turn.disturbed) turns.disturbed += 1;
          const { metrics, witness } = turn.measured;
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
