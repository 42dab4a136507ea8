import { reasons } from '../catalogue/reasons.mjs';
import { metrics } from './metrics.mjs';

/**
 * Returns the figures in which ours is behind `mongodb`, each with the reason if it is known.
 *
 * @returns {{ section: object, figure: object, factor: number, within: boolean, reason: string | undefined }[]} `factor`: how many times worse; `within`: the rounds of both sides overlap, so the difference may be chance
 */
export function losses(sections) {
  return sections.flatMap((section) =>
    section.figures.flatMap((figure) => {
      const { name, sides, toNative } = figure;
      const factor = metrics[name].better === 'less' ? toNative : 1 / toNative;
      if (toNative === undefined || !(factor > 1)) return [];
      const { native, ours } = sides;
      const within = ours.min <= native.max && native.min <= ours.max;
      return [{ section, figure, factor, within, reason: reasonFor(section.id, name) }];
    }),
  );
}

function reasonFor(id, name) {
  return reasons.find(({ sections, figures }) => sections.test(id) && figures.test(name))?.reason;
}
