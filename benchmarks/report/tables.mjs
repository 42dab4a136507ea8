import { titles } from '../side/sides.mjs';
import { goalsOf } from './judgement.mjs';
import { losses } from './losses.mjs';
import { metrics } from './metrics.mjs';
import { goalText, median, number, ratioText, reachedText } from './numbers.mjs';

/**
 * Returns all rows of a run: the goals, a table for each subject, and the figures in which ours is behind.
 *
 * @returns {{ title: string, columns: string[], rows: string[][] }[]} the cells as they are shown; a first column
 *   named `what` repeats the name of the section that was measured
 */
export function tablesOf({ sections, goals }) {
  const behind = losses(sections).map(lossRow);
  return [
    ...(goals.length > 0 ? [goalTable(goals)] : []),
    ...bySubject(sections).map(([subject, parts]) => subjectTable(subject, parts, goals)),
    ...(behind.length > 0 ? [{ ...lossColumns, rows: behind }] : []),
  ];
}

function goalTable(goals) {
  const rows = goals.map((goal) => [
    goal.what,
    goalText(goal),
    goal.proofs.map((proof) => `${proof.section} ${reachedText(goal, proof)}`).join(', '),
    goal.met === undefined ? 'not measured' : verdict(goal),
  ]);
  return { title: 'Goals', columns: ['aim', 'goal', 'reached', 'verdict'], rows };
}

function subjectTable(title, sections, goals) {
  const sides = sidesIn(sections);
  const rows = sections.flatMap((section) =>
    section.figures.map(({ name, sides: measured, toNative, toNaive }) => [
      `${section.title} (${section.id})`,
      metrics[name].title,
      ...sides.map((side) => withSpread(measured[side])),
      ratioOrNone(toNative),
      ratioOrNone(toNaive),
      goalsOf(goals, section.id, name)
        .map((goal) => `${goalText(goal)}: ${verdict(goal)}`)
        .join('; '),
    ]),
  );
  const names = sides.map((side) => titles[side]);
  return {
    title,
    columns: ['what', 'figure', ...names, 'ours/native', 'ours/naive', 'goal'],
    rows,
  };
}

const lossColumns = {
  title: 'Where ours is behind mongodb',
  columns: ['what', 'figure', 'native', 'ours', 'times worse', 'rounds', 'why'],
};

function lossRow({ section, figure, factor, within, reason }) {
  return [
    `${section.subject}: ${section.title} (${section.id})`,
    metrics[figure.name].title,
    median(figure.sides.native),
    median(figure.sides.ours),
    factor.toFixed(2),
    within ? 'overlap' : '',
    reason ?? 'not explained yet',
  ];
}

/** @returns {[string, object[]][]} subjects with their sections, in the order of the catalogue */
function bySubject(sections) {
  const subjects = new Map();
  for (const section of sections) {
    subjects.set(section.subject, [...(subjects.get(section.subject) ?? []), section]);
  }
  return [...subjects];
}

/** Returns the sides that any of the sections has, always in the same order. */
function sidesIn(sections) {
  const present = new Set(
    sections.flatMap(({ figures }) => figures.flatMap(({ sides }) => Object.keys(sides))),
  );
  return Object.keys(titles).filter((side) => present.has(side));
}

function withSpread(spread) {
  if (spread === undefined) return '–';
  const { min, max } = spread;
  return min === max ? median(spread) : `${median(spread)} (${number(min)}–${number(max)})`;
}

function ratioOrNone(ratio) {
  return ratio === undefined ? '–' : ratioText(ratio);
}

function verdict({ met }) {
  return met ? 'met' : 'not met';
}
