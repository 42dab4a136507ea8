const columns = [
  { title: 'documents/s', figure: 'documentsPerSecond' },
  { title: 'main-thread CPU, ms', figure: 'cpuMS' },
  { title: 'longest stall, ms', figure: 'longestStallMS' },
  { title: 'p99 stall, ms', figure: 'p99StallMS' },
];

/**
 * One table: a line for each work, and in each column native beside ours.
 *
 * @param {{ title: string, native: object, ours: object }[]} rows
 */
export function table(rows) {
  const cells = rows.map(({ title, native, ours }) => [
    title,
    ...columns.flatMap(({ figure }) => [text(native[figure]), text(ours[figure])]),
  ]);
  const sides = ['', ...columns.flatMap(() => ['native', 'ours'])];
  const titleWidth = Math.max(...cells.map(([title]) => title.length));
  const width = Math.max(12, ...cells.flatMap((row) => row.slice(1).map((cell) => cell.length)));
  const line = ([title, ...figures]) =>
    title.padEnd(titleWidth) +
    figures.map((cell, index) => (index % 2 ? ' ' : ' │') + cell.padStart(width - 2)).join('');
  const groups = columns.map(({ title }) => ` │${centred(title, 2 * width - 3)}`).join('');
  const header = `${' '.repeat(titleWidth)}${groups}`;
  const lines = [header, line(sides), '─'.repeat(header.length), ...cells.map(line)];
  return lines.map((text) => text.trimEnd()).join('\n');
}

function centred(text, width) {
  return text.padStart((width + text.length) >> 1).padEnd(width);
}

function text(value) {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}
