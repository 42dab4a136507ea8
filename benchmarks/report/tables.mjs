import { titles } from '../side/sides.mjs';
import { goalsOf } from './judgement.mjs';
import { metrics } from './metrics.mjs';
import { goalText, number, ratioText, reachedText } from './numbers.mjs';

/** All sections as text, a table for each subject. */
export function tables(sections, judged) {
  return bySubject(sections)
    .map(([subject, parts]) => table(subject, parts, judged))
    .join('\n');
}

/** @returns {[string, object[]][]} subjects with their sections, in the order in which they come */
export function bySubject(sections) {
  const subjects = new Map();
  for (const section of sections) {
    subjects.set(section.subject, [...(subjects.get(section.subject) ?? []), section]);
  }
  return [...subjects];
}

/** The sides that any of the sections has, in the order in which they are always shown. */
export function sidesIn(sections) {
  const present = new Set(
    sections.flatMap(({ figures }) => figures.flatMap(({ sides }) => Object.keys(sides))),
  );
  return Object.keys(titles).filter((side) => present.has(side));
}

function table(subject, sections, judged) {
  const sides = sidesIn(sections);
  const rows = [['', ...sides.map((side) => titles[side]), 'ours/native', 'ours/naive', 'goal']];
  for (const { id, title, figures } of sections) {
    rows.push([title]);
    for (const figure of figures) {
      rows.push([
        `  ${metrics[figure.name].title}`,
        ...sides.map((side) => withSpread(figure.sides[side])),
        ratioOrNone(figure.toNative),
        ratioOrNone(figure.toNaive),
        goalsOf(judged, id, figure.name).map(verdict).join('; '),
      ]);
    }
  }
  return `${subject}\n${'─'.repeat([...subject].length)}\n${aligned(rows)}\n`;
}

/** The goals of a run, and what became of each. */
export function goalTable(judged) {
  const rows = [['', 'goal', 'reached', '']];
  for (const goal of judged) {
    rows.push([
      goal.what,
      goalText(goal),
      goal.proofs.map((proof) => `${proof.section} ${reachedText(goal, proof)}`).join(', '),
      goal.met === undefined ? 'not measured' : goal.met ? 'met' : 'NOT MET',
    ]);
  }
  return `Goals\n─────\n${aligned(rows, 0)}\n`;
}

/** A row of one cell is a heading, and does not widen the columns. */
function aligned(rows, firstRight = 1) {
  const full = rows.filter((row) => row.length > 1);
  const widths = full[0].map((_, column) =>
    Math.max(...full.map((row) => [...row[column]].length)),
  );
  const lastRight = firstRight === 0 ? 0 : widths.length - 1;
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          pad(cell, widths[column], column >= firstRight && column < lastRight),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function pad(cell, width, right) {
  const gap = ' '.repeat(Math.max(0, width - [...cell].length));
  return right ? gap + cell : cell + gap;
}

function withSpread(spread) {
  if (spread === undefined) return '–';
  const { median, min, max } = spread;
  return min === max ? number(median) : `${number(median)} (${number(min)}–${number(max)})`;
}

function ratioOrNone(ratio) {
  return ratio === undefined ? '–' : ratioText(ratio);
}

function verdict(goal) {
  return `${goalText(goal)} ${goal.met ? 'met' : 'NOT MET'}`;
}
