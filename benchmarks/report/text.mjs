/** Returns a table as aligned text. A `what` column becomes a line of its own above its rows. */
export function text({ title, columns, rows }) {
  const groups = columns[0] === 'what';
  const shown = groups ? columns.slice(1) : columns;
  const lines = [shown];
  let group;
  for (const row of rows) {
    if (groups && row[0] !== group) lines.push([(group = row[0])]);
    lines.push(groups ? [`  ${row[1]}`, ...row.slice(2)] : row);
  }
  const right = shown.map((_, column) =>
    rows.every((row) => isNumber(row[column + (groups ? 1 : 0)])),
  );
  return `${title}\n${'─'.repeat([...title].length)}\n${aligned(lines, right)}\n`;
}

/** Matches a figure, a ratio, or the dash that stands for none. */
function isNumber(cell) {
  return /^([\d.,]+[×%]?( \(.*\))?|1\/[\d.]+|–)$/.test(cell);
}

/** A row of one cell is a heading and does not widen the columns. */
function aligned(lines, right) {
  const full = lines.filter((line) => line.length > 1);
  const widths = right.map((_, column) =>
    Math.max(...full.map((line) => [...line[column]].length)),
  );
  return lines
    .map((line) =>
      line.length === 1
        ? line[0]
        : line
            .map((cell, at) => pad(cell, widths[at], right[at]))
            .join('  ')
            .trimEnd(),
    )
    .join('\n');
}

function pad(cell, width, right) {
  const gap = ' '.repeat(Math.max(0, width - [...cell].length));
  return right ? gap + cell : cell + gap;
}
