import { markdown } from './markdown.mjs';
import { metrics } from './metrics.mjs';
import { median, ratioText } from './numbers.mjs';

/** The main rows of a run: what a user notices first, and the costs. The third entry is what a section's title lacks. */
const chosen = [
  ['toArray', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond', 'memoryOverIdle']],
  ['forAwait', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond', 'memoryOverIdle']],
  ['batches', ['mainCpuPerDocument', 'stallMax', 'documentsPerSecond', 'memoryOverIdle']],
  ['mixedToArray', ['mainCpuPerDocument', 'documentsPerSecond'], 'of many shapes'],
  ['findOne1', ['mainCpuPerOperation', 'latencyMedian']],
  ['findOne64', ['mainCpuPerOperation', 'stallMax', 'operationsPerSecond']],
  ['findOne64Workers2', ['operationsPerSecond']],
  ['insertMany', ['mainCpuPerDocument', 'documentsPerSecond']],
  ['insertOne1', ['mainCpuPerOperation', 'latencyMedian']],
  ['http', ['healthP99', 'documentP99', 'documentsPerSecond']],
  ['httpExport', ['healthP99', 'documentsPerSecond']],
  ['driverBenchGridFSDownload', ['mainCpuPerMegabyte', 'megabytesPerSecond']],
  ['idle1', ['residentMemory']],
  ['startUp', ['importTime', 'firstOperation']],
];

/** Returns the main rows of a run as a Markdown table of medians. */
export function extract({ sections }) {
  const byId = new Map(sections.map((section) => [section.id, section]));
  const rows = [];
  for (const [id, names, what] of chosen) {
    const section = byId.get(id);
    if (section !== undefined) rows.push(...rowsOf(section, names, what));
  }
  return markdown(['', '', 'native', 'naive', 'ours', 'ours/native'], rows);
}

function rowsOf({ title, figures }, names, what) {
  const found = names.flatMap((name) => figures.filter((figure) => figure.name === name));
  return found.map(({ name, sides, toNative }, index) => [
    index > 0 ? '' : what === undefined ? title : `${title}, ${what}`,
    metrics[name].title.replace(/ \(monitor.*\)/, ''),
    median(sides.native),
    median(sides.naive),
    median(sides.ours),
    toNative === undefined ? '–' : ratioText(toNative),
  ]);
}
