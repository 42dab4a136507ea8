import { number } from './numbers.mjs';

/** A Markdown table. `texts`: the columns that are text, by default the first two and the last. */
export function markdown(head, rows, texts = [0, 1, head.length - 1]) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (texts.includes(column) ? '---' : '---:'));
  return `${[head, rule, ...rows].map(line).join('\n')}\n`;
}

export function median(spread) {
  return spread === undefined ? '–' : number(spread.median);
}
