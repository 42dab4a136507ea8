import { goalsOf } from './judgement.mjs';
import { markdown, median } from './markdown.mjs';
import { metrics } from './metrics.mjs';
import { goalText, ratioText } from './numbers.mjs';

/** What the README shows of a run: what a user feels first, and where we fall short as well; what its title lacks. */
const chosen = [
  ['toArray', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond', 'memoryOverIdle']],
  ['forAwait', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond', 'memoryOverIdle']],
  ['batches', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond', 'memoryOverIdle']],
  ['mixedToArray', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond'], 'of many shapes'],
  ['findOne1', ['mainCpuPerOperation', 'latencyMedian']],
  ['findOne64', ['mainCpuPerOperation', 'stallMax', 'operationsPerSecond']],
  ['findOne64Workers2', ['mainCpuPerOperation', 'operationsPerSecond']],
  ['insertMany', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond']],
  ['insertOne1', ['mainCpuPerOperation', 'latencyMedian']],
  ['http', ['healthP99', 'documentP99', 'documentsPerSecond']],
  ['idle1', ['residentMemory']],
  ['startUp', ['importTime', 'firstOperation']],
];

/** A Markdown table of medians, with the goal where there is one. */
export function extract({ sections, goals }) {
  const byId = new Map(sections.map((section) => [section.id, section]));
  const rows = [];
  for (const [id, names, what] of chosen) {
    const section = byId.get(id);
    if (section !== undefined) rows.push(...rowsOf(section, goals, names, what));
  }
  return markdown(['', '', 'native', 'naive', 'ours', 'ours/native', 'goal'], rows);
}

function rowsOf({ id, title, figures }, goals, names, what) {
  const found = names.flatMap((name) => figures.filter((figure) => figure.name === name));
  return found.map(({ name, sides, toNative }, index) => [
    index > 0 ? '' : what === undefined ? title : `${title}, ${what}`,
    metrics[name].title.replace(/ \(monitor.*\)/, ''),
    median(sides.native),
    median(sides.naive),
    median(sides.ours),
    toNative === undefined ? '–' : ratioText(toNative),
    goalsOf(goals, id, name).map(verdict).join('; '),
  ]);
}

function verdict(goal) {
  return `${goalText(goal)}: ${goal.met ? 'met' : '**not met**'}`;
}
