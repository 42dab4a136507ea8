/**
 * @typedef {import('./lane.mjs').Result} Result
 * @typedef {{ driver: string, results: Result[] }} Run
 */

/**
 * What was run on one or more drivers, as text: a table of the suites, why cases were skipped, and each
 * failure with its cause.
 *
 * @param {Run[]} runs the first is the reference
 * @param {Record<string, string>} differences known ones, with their reasons
 */
export function report(runs, differences) {
  return [
    table(runs),
    skipped(runs),
    ...runs.slice(1).map(onMain),
    ...runs.map((run, index) => failures(run, index === 0 ? undefined : runs[0], differences)),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/**
 * The cases that pass on the reference and do not on another driver, without the known ones.
 *
 * @param {Run} reference
 * @param {Run} other
 * @param {Record<string, string>} differences
 * @returns {Result[]}
 */
export function shortfalls(reference, other, differences) {
  const passed = new Set(
    reference.results.filter(({ status }) => status === 'passed').map(({ id }) => id),
  );
  return other.results.filter(
    ({ id, status }) => status !== 'passed' && passed.has(id) && !Object.hasOwn(differences, id),
  );
}

function table(runs) {
  const suites = [
    ...new Set(runs.flatMap(({ results }) => results.map(({ suite }) => suite))),
  ].sort();
  const columns = ['passed', 'failed', 'skipped'];
  const count = (run, suite, status) =>
    run.results.filter((each) => (!suite || each.suite === suite) && each.status === status).length;
  const rows = [...suites, undefined].map((suite) => [
    suite ?? 'all',
    ...runs.flatMap((run) => columns.map((status) => count(run, suite, status))),
  ]);
  const head = ['', ...runs.flatMap(() => columns)];
  const widths = head.map((_, index) =>
    Math.max(...[head, ...rows].map((row) => String(row[index]).length)),
  );
  const line = (row) =>
    row
      .map((cell, index) =>
        index === 0 ? String(cell).padEnd(widths[0]) : String(cell).padStart(widths[index]),
      )
      .join('  ');
  const group = (index) =>
    widths[3 * index + 1] + widths[3 * index + 2] + widths[3 * index + 3] + 4;
  const title = ['', ...runs.map(({ driver }) => driver)]
    .map((cell, index) => (index === 0 ? ''.padEnd(widths[0]) : cell.padStart(group(index - 1))))
    .join('  ');
  return [title, line(head), ...rows.map(line)].join('\n');
}

function skipped(runs) {
  const reasons = new Map();
  for (const { id, status, reason } of runs.flatMap(({ results }) => results)) {
    if (status !== 'skipped') continue;
    reasons.set(reason, (reasons.get(reason) ?? new Set()).add(id));
  }
  if (reasons.size === 0) return '';
  const lines = [...reasons]
    .sort(([, a], [, b]) => b.size - a.size)
    .map(([reason, ids]) => `  ${String(ids.size).padStart(4)}  ${reason}`);
  return ['Skipped:', ...lines].join('\n');
}

function onMain({ driver, results }) {
  const cases = results.filter((result) => result.onMain.length > 0);
  if (cases.length === 0) return '';
  const counts = new Map();
  for (const command of cases.flatMap((result) => result.onMain)) {
    counts.set(command, (counts.get(command) ?? 0) + 1);
  }
  const commands = [...counts].sort(([, a], [, b]) => b - a).map((entry) => entry.join(' '));
  return [
    `${driver} sent commands from the main thread in ${cases.length} cases: ${commands.join(', ')}`,
    ...(cases.length <= 40 ? cases.map((each) => `  ${each.id} (${each.onMain})`) : []),
  ].join('\n');
}

function failures(run, reference, differences) {
  const failed = run.results.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return '';
  const before = new Map(reference?.results.map((result) => [result.id, result]));
  const groups = { new: [], known: [], shared: [] };
  for (const result of failed) {
    if (before.get(result.id)?.status === 'failed') groups.shared.push(result);
    else if (Object.hasOwn(differences, result.id)) groups.known.push(result);
    else groups.new.push(result);
  }
  const show = (title, results) =>
    results.length === 0
      ? []
      : [
          `${title} (${results.length}):`,
          ...results.map(({ id, reason }) => `  ${id}\n      ${reason}`),
        ];
  return [
    ...show(`Failed on ${run.driver}${reference ? ` alone` : ''}`, groups.new),
    ...show(`Failed on ${run.driver}, and in differences.json`, groups.known),
    ...(reference && groups.shared.length > 0
      ? [`Failed on ${run.driver} as on ${reference.driver}: ${groups.shared.length}`]
      : []),
  ].join('\n');
}
