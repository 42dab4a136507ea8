/** Returns a Markdown table. `texts`: the columns that hold text, by default the first two. */
export function markdown(head, rows, texts = [0, 1]) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (texts.includes(column) ? '---' : '---:'));
  return `${[head, rule, ...rows].map(line).join('\n')}\n`;
}
