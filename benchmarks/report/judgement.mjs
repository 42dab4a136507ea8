import { metrics } from './metrics.mjs';

/**
 * Compares the goals with the medians of a run.
 *
 * @param {object[]} goals from the catalogue
 * @param {object[]} summaries
 * @returns {object[]} goals with `better`, `proofs` (for each measured section, the value that it reached and the
 *   value that its floor would reach), `missing` (sections that were not measured) and `met` (undefined if nothing
 *   was measured)
 */
export function judge(goals, summaries) {
  const figureOf = (id, name) =>
    summaries.find((section) => section.id === id)?.figures.find((figure) => figure.name === name);
  return goals.map((goal) => {
    const { better } = metrics[goal.figure];
    const measured = goal.sections
      .map((id) => ({ id, figure: figureOf(id, goal.figure) }))
      .filter(({ figure }) => figure !== undefined);
    const proofs = measured
      .map(({ id, figure }) => ({
        section: id,
        reached: reachedBy(goal, figure, measured, 'ours'),
        floor: reachedBy(goal, figure, measured, 'floor'),
      }))
      .filter(({ reached }) => reached !== undefined)
      .map((proof) => ({
        ...proof,
        met:
          better === 'less' || goal.kind === 'flat'
            ? proof.reached <= goal.goal
            : proof.reached >= goal.goal,
      }));
    const missing = goal.sections.filter((id) => !proofs.some(({ section }) => section === id));
    const met = proofs.length === 0 ? undefined : proofs.every((proof) => proof.met);
    return { ...goal, better, proofs, missing, met };
  });
}

/** @param {'ours' | 'floor'} the side whose figure is compared with the goal */
function reachedBy({ kind }, { sides }, measured, side) {
  const { native, [side]: own } = sides;
  if (own === undefined) return undefined;
  switch (kind) {
    case 'value':
      return own.median;
    case 'ratio':
      return native && own.median / native.median;
    case 'difference':
      return native && own.median - native.median;
    case 'flat': {
      const medians = measured.map(({ figure }) => figure.sides[side]?.median ?? Infinity);
      return medians.length < 2 ? undefined : own.median / Math.min(...medians);
    }
  }
}

/** Returns every goal that names both the section and the figure. */
export function goalsOf(judged, section, figure) {
  return judged.flatMap((goal) => {
    const proof = goal.proofs.find((candidate) => candidate.section === section);
    return goal.figure === figure && proof ? [{ ...goal, ...proof }] : [];
  });
}
