import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { titles } from '../side/sides.mjs';
import { caption } from './environment.mjs';
import { median, markdown } from './markdown.mjs';
import { goalsOf } from './judgement.mjs';
import { losses } from './losses.mjs';
import { metrics } from './metrics.mjs';
import { goalText, number, ratioText, reachedText } from './numbers.mjs';
import { bySubject, sidesIn } from './tables.mjs';

/** The second witness of a stall is in the results, and on the page only where it is a side's only one, as Python's. */
const shown = ({ name, sides }) => !name.startsWith('gap') || 'motor' in sides;

/**
 * Puts a run's tables into a page, between the comments that mark their places.
 *
 * @param {string[]} needed the parts for which it must have a place, of `run`, `goals`, `tables` and `losses`
 * @throws {Error} where it has none for one of these
 */
export async function fillPage(page, results, needed) {
  const parts = {
    run: run(results),
    goals: goals(results),
    tables: tables(results),
    losses: lossList(results),
  };
  let text = readFileSync(page, 'utf8');
  for (const [name, content] of Object.entries(parts)) {
    const place = new RegExp(`(<!-- bench:${name} -->).*?(<!-- /bench:${name} -->)`, 's');
    if (needed.includes(name) && !place.test(text)) {
      throw new Error(`${page} has no place for ${name}`);
    }
    text = text.replace(place, (_, begin, end) => `${begin}\n\n${content}\n${end}`);
  }
  const config = await resolveConfig(page);
  writeFileSync(page, await format(text, { ...config, parser: 'markdown' }));
}

function run(results) {
  const { startedAt, environment } = results;
  const { all, disturbed } = environment.turns;
  return (
    `${caption(results)} Processor: ${environment.cpu}. Run of ${startedAt.slice(0, 10)}; ` +
    `other programs used the processors during ${disturbed} of ${all} measurements.\n`
  );
}

function goals({ goals: judged }) {
  const rows = judged.map((goal) => [
    goal.what,
    goalText(goal),
    goal.proofs.map((proof) => `\`${proof.section}\` ${reachedText(goal, proof)}`).join(', '),
    goal.met === undefined ? 'not measured' : goal.met ? 'met' : '**not met**',
  ]);
  return markdown(['what', 'goal', 'reached', ''], rows, [0, 1, 2, 3]);
}

function tables({ sections, goals: judged }) {
  return bySubject(sections)
    .map(([subject, parts]) => {
      const sides = sidesIn(parts);
      const rows = parts.flatMap(({ id, title, figures }) =>
        figures.filter(shown).map((figure, index) => [
          index === 0 ? `${title} (\`${id}\`)` : '',
          metrics[figure.name].title,
          ...sides.map((side) => withSpread(figure.sides[side])),
          ...[figure.toNative, figure.toNaive].map((ratio) =>
            ratio === undefined ? '–' : ratioText(ratio),
          ),
          goalsOf(judged, id, figure.name)
            .map((goal) => `${goalText(goal)}: ${goal.met ? 'met' : '**not met**'}`)
            .join('; '),
        ]),
      );
      const head = [
        '',
        '',
        ...sides.map((side) => titles[side]),
        'ours/native',
        'ours/naive',
        'goal',
      ];
      return `### ${subject}\n\n${markdown(head, rows)}`;
    })
    .join('\n');
}

function withSpread(spread) {
  if (spread === undefined) return '–';
  const { min, max } = spread;
  return min === max ? median(spread) : `${median(spread)} (${number(min)}–${number(max)})`;
}

function lossList({ sections }) {
  const lines = new Map();
  for (const { section, figure, factor, within, reason = '**not explained yet**' } of losses(
    sections,
  )) {
    if (!shown(figure)) continue;
    const { native, ours } = figure.sides;
    const key = `${section.subject}: ${section.title} (\`${section.id}\`). Why: ${reason}.`;
    const text =
      `${metrics[figure.name].title}: ${median(ours)}, native ${median(native)} ` +
      `(${factor.toFixed(2)} times${within ? '; the rounds overlap' : ''})`;
    lines.set(key, [...(lines.get(key) ?? []), text]);
  }
  if (lines.size === 0) return 'None.\n';
  return [...lines]
    .map(([key, texts]) => `- ${key}\n${texts.map((text) => `  - ${text}\n`).join('')}`)
    .join('');
}
