import { metrics } from './metrics.mjs';
import { goalText, number, ratioText } from './tables.mjs';

/** What the README shows of a run: what a user feels first, and where we fall short as well. */
const chosen = [
  ['toArray', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond', 'peakMemory']],
  ['forAwait', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond', 'peakMemory']],
  ['batches', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond']],
  ['mixed', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond']],
  ['findOne1', ['mainCpuPerOperation', 'latencyMedian']],
  ['findOne64', ['mainCpuPerOperation', 'stallMax', 'operationsPerSecond']],
  ['insertMany', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond']],
  ['insertOne', ['mainCpuPerOperation', 'latencyMedian']],
  ['idle', ['residentMemory']],
  ['startUp', ['importTime', 'firstOperation']],
];

/** A Markdown table of medians, with the mark where there is one. */
export function extract(sections) {
  const byId = new Map(sections.map((section) => [section.id, section]));
  const lines = [
    '| | | native | ours | ours/native | goal |',
    '| --- | --- | ---: | ---: | ---: | --- |',
  ];
  for (const [id, names] of chosen) {
    const section = byId.get(id);
    for (const [index, name] of names.entries()) {
      const figure = section?.figures.find((candidate) => candidate.name === name);
      if (figure === undefined) continue;
      const { native, ours, ratio, mark } = figure;
      const cells = [
        index === 0 ? section.title : '',
        metrics[name].title.replace(/ \(.*\)/, ''),
        native === undefined ? '–' : number(native.median),
        number(ours.median),
        ratio === undefined ? '–' : ratioText(ratio),
        mark === undefined ? '' : verdict(mark),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function verdict(mark) {
  return `${goalText(mark, mark.now.goal)}: ${mark.now.met ? 'met' : '**not met**'}`;
}
