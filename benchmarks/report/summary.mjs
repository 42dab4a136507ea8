import { metrics } from './metrics.mjs';

/**
 * Returns the figures of one section over all rounds, as medians and spread.
 *
 * @param {object} section from the catalogue
 * @param {Record<string, Record<string, number>[]>} rounds by side
 */
export function summarise({ id, subject, title }, rounds) {
  const figures = Object.keys(metrics).flatMap((name) => {
    const sides = {};
    for (const [side, measured] of Object.entries(rounds)) {
      const values = measured.map((round) => round[name]).filter(Number.isFinite);
      if (values.length > 0) sides[side] = spread(values);
    }
    const { native, naive, ours } = sides;
    if (ours === undefined) return [];
    return { name, sides, toNative: ratio(ours, native), toNaive: ratio(ours, naive) };
  });
  return { id, subject, title, figures };
}

function ratio(ours, other) {
  return other === undefined || other.median === 0 ? undefined : ours.median / other.median;
}

/** @param {number[]} values */
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1), values };
}
