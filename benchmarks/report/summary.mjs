import { metrics } from './metrics.mjs';

/**
 * One section's figures of all rounds, as medians and spread, and what became of its marks.
 *
 * @param {object} section from the catalogue
 * @param {Record<'native' | 'ours', Record<string, number>[]>} rounds
 */
export function summarise(section, rounds) {
  const { id, subject, title, marks } = section;
  const figures = Object.keys(metrics)
    .filter((name) => rounds.ours[0]?.[name] !== undefined)
    .map((name) => {
      const native = spread(rounds.native.map((round) => round[name]));
      const ours = spread(rounds.ours.map((round) => round[name]));
      const ratio = native === undefined ? undefined : ours.median / native.median;
      const mark = marks[name] && judge(marks[name], metrics[name].better, native, ours);
      return { name, native, ours, ratio, mark };
    })
    .filter((figure) => figure.ours !== undefined);
  return { id, subject, title, figures };
}

/** @param {number[]} values */
function spread(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1), values };
}

/** Marks are held against medians. Without native's figure, one that compares cannot be judged. */
function judge({ kind, now, later }, better, native, ours) {
  if (kind !== 'value' && native === undefined) return undefined;
  const reached = {
    value: ours.median,
    ratio: ours.median / native?.median,
    difference: ours.median - native?.median,
  }[kind];
  const met = (goal) => (better === 'less' ? reached <= goal : reached >= goal);
  return {
    kind,
    better,
    reached,
    now: { goal: now, met: met(now) },
    later: later === undefined ? undefined : { goal: later, met: met(later) },
  };
}
