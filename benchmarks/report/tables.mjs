import { metrics } from './metrics.mjs';

/** All sections as text, a table for each subject. */
export function tables(sections) {
  const subjects = new Map();
  for (const section of sections) {
    subjects.set(section.subject, [...(subjects.get(section.subject) ?? []), section]);
  }
  return [...subjects].map(([subject, parts]) => table(subject, parts)).join('\n');
}

function table(subject, sections) {
  const rows = [['', 'native', 'ours', 'ours/native', 'mark']];
  for (const { title, figures } of sections) {
    rows.push([title]);
    for (const { name, native, ours, ratio, mark } of figures) {
      rows.push([
        `  ${metrics[name].title}`,
        native === undefined ? '–' : withSpread(native),
        withSpread(ours),
        ratio === undefined ? '–' : ratioText(ratio),
        mark === undefined ? '' : markText(mark),
      ]);
    }
  }
  const full = rows.filter((row) => row.length > 1);
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...full.map((row) => [...row[column]].length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column], column > 0 && column < 4))
      .join('  ')
      .trimEnd(),
  );
  return `${subject}\n${'─'.repeat([...subject].length)}\n${lines.join('\n')}\n`;
}

function pad(cell, width, right) {
  const gap = ' '.repeat(Math.max(0, width - [...cell].length));
  return right ? gap + cell : cell + gap;
}

function withSpread({ median, min, max }) {
  return min === max ? number(median) : `${number(median)} (${number(min)}–${number(max)})`;
}

/** Three significant digits, and no decimals where there are as many before the point. */
export function number(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** What is much less reads as a fraction: 1/8.3 rather than 0.12×. */
export function ratioText(ratio) {
  return ratio < 0.67 ? `1/${(1 / ratio).toFixed(1)}` : `${ratio.toFixed(2)}×`;
}

function markText(mark) {
  const { now, later } = mark;
  const verdict = ({ goal, met }) => `${goalText(mark, goal)} ${met ? 'met' : 'NOT MET'}`;
  if (later === undefined) return verdict(now);
  // What misses the first mark misses the further one as well.
  return `${verdict(now)}; later ${now.met ? verdict(later) : goalText(mark, later.goal)}`;
}

/** A goal as one reads it: ≤ 1/8, ≥ 2×, ≤ 30, ≤ native + 40. */
export function goalText({ kind, better }, goal) {
  const sign = better === 'less' ? '≤' : '≥';
  if (kind === 'difference') return `${sign} native + ${goal}`;
  if (kind === 'value') return `${sign} ${goal}`;
  return goal < 0.67 ? `${sign} 1/${Math.round(1 / goal)}` : `${sign} ${goal}×`;
}
