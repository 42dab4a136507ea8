import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tablesOf } from './tables.mjs';
import { text } from './text.mjs';

/** Holds the runs whose rows are kept in the repository: one JSON file each, and `index.json`. */
const resultsFolder = fileURLToPath(new URL('../results', import.meta.url));

/** Returns the kept runs as a table. */
export function listOfRuns(folder = resultsFolder) {
  const rows = readIndex(folder).map(
    ({ name, title, date, machine, node, driver, rows, measures }) => [
      ...[name, title, date, machine, node, driver, `${rows}`, measures],
    ],
  );
  const columns = ['name', 'title', 'date', 'machine', 'Node', 'mongodb', 'rows', 'measures'];
  return text({ title: 'Kept runs', columns, rows });
}

/**
 * Returns the tables of a kept run, with what it ran on.
 *
 * @throws {Error} if there is no run of this name
 */
export function runText(name, folder = resultsFolder) {
  const names = readIndex(folder).map((run) => run.name);
  if (!names.includes(name)) {
    throw new Error(`There is no kept run "${name}". These are kept: ${names.join(', ')}.`);
  }
  const run = read(path.join(folder, `${name}.json`));
  const { title, date, machine, node, driver, mongod, rounds, disturbed, command, notes } = run;
  const head = [
    `${title}: ${run.measures}.`,
    `Medians of ${rounds} rounds, lowest and highest in brackets. ${machine}; Node ${node}, mongodb ${driver}, mongod ${mongod}.`,
    `Run of ${date}. Other programs used the processors during ${disturbed}.`,
    command,
    ...notes,
  ];
  return [`${head.join('\n')}\n`, ...run.tables.map(text)].join('\n');
}

/**
 * Keeps all rows of a run under a name. A run that is kept again keeps its title and loses its notes.
 *
 * @param {object} results of the run
 * @param {{ name: string, command: string, folder?: string }} options `command`: how the run was started
 * @returns {string[]} the files
 */
export function keepRun(results, { name, command, folder = resultsFolder }) {
  const index = readIndex(folder);
  const before = index.find((run) => run.name === name);
  const tables = tablesOf(results);
  const { environment, options, startedAt } = results;
  const info = {
    title: before?.title ?? name,
    date: startedAt.slice(0, 10),
    machine: `${environment.cores} cores, ${environment.cpu}`,
    node: environment.node,
    driver: environment.driver,
    mongod: environment.mongod,
    measures:
      before?.measures ?? [...new Set(results.sections.map(({ subject }) => subject))].join(', '),
  };
  const { all, disturbed } = environment.turns;
  const run = {
    ...info,
    rounds: options.rounds,
    disturbed: `${disturbed} of ${all} measurements`,
    command,
    notes: [],
    tables,
  };
  const entry = { name, ...info, rows: tables.reduce((sum, { rows }) => sum + rows.length, 0) };
  const kept = index.map((other) => (other === before ? entry : other));
  if (before === undefined) kept.push(entry);
  const contents = { [`${name}.json`]: run, 'index.json': kept };
  return Object.entries(contents).map(([file, content]) => {
    writeFileSync(path.join(folder, file), json(content));
    return path.join(folder, file);
  });
}

function readIndex(folder) {
  const file = path.join(folder, 'index.json');
  return existsSync(file) ? read(file) : [];
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** One line a row of a table, so that two runs can be compared line by line. */
function json(value) {
  const strings = /\[\s+("(?:[^"\\]|\\.)*"(?:,\s+"(?:[^"\\]|\\.)*")*)\s+\]/g;
  const onOneLine = (_, cells) => `[${cells.replace(/",\s+"/g, '", "')}]`;
  return `${JSON.stringify(value, undefined, 2).replace(strings, onOneLine)}\n`;
}
