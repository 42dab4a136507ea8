import { sidesOf } from '../catalogue/index.mjs';
import { programOf, runChild } from './run-child.mjs';
import { undisturbed } from './undisturbed.mjs';

/**
 * Runs all sections on all their sides, `rounds` times. A round runs everything once, so a disturbance affects one
 * round of many sections, not all rounds of one. The first side changes from round to round. `onRoundDone` receives
 * the measurements so far after each round but the last.
 *
 * @returns {Promise<{ measured: Map<string, Record<string, object[]>>, failures: string[], turns: { all: number, disturbed: number } }>}
 *   `disturbed`: the number of measurements during which other programs used the processors
 */
export async function runRounds(
  sections,
  { rounds, database, patienceMS, mongodPid, onRound, onSection, onRoundDone, ...common },
) {
  const measured = new Map(sections.map(({ id }) => [id, {}]));
  const failures = [];
  const witnesses = new Map();
  let attempt = 0;
  const turns = { all: 0, disturbed: 0 };
  for (let round = 1; round <= rounds; round++) {
    onRound(round);
    for (const [index, section] of sections.entries()) {
      const { id, subject, title, settings, workers = common.workers, ownDatabase } = section;
      const place = `round ${round} of ${rounds}, ${index + 1} of ${sections.length}`;
      onSection(`${place}: ${subject}, ${title}`);
      for (const side of rotated(
        sidesOf(section, { withPeers: common.python !== undefined }),
        round - 1,
      )) {
        turns.all += 1;
        try {
          const job = { ...common, program: programOf(section, side), side, settings, workers };
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
          (measured.get(id)[side] ??= []).push(metrics);
          if (witness === undefined) continue;
          const first = witnesses.get(id);
          if (first === undefined) witnesses.set(id, witness);
          else if (differ(first, witness)) {
            const seen = [witness, first].map((one) => JSON.stringify(one));
            failures.push(`${id} (${side}) saw ${seen[0]}, another run ${seen[1]}`);
          }
        } catch (error) {
          failures.push(`${id}: ${error.message}`);
        }
      }
    }
    if (round < rounds) await onRoundDone({ round, measured, failures, turns });
  }
  return { measured, failures, turns };
}

function rotated(sides, by) {
  const start = by % sides.length;
  return [...sides.slice(start), ...sides.slice(0, start)];
}

/** Compares the fields that both witnesses have: Python does not compare contents. */
function differ(one, other) {
  return Object.keys(one).some((key) => key in other && one[key] !== other[key]);
}
