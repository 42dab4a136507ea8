#!/usr/bin/env node
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startMongod } from '@mongo-offload/mongod';
import { MongoClient } from 'mongodb';
import { goals } from './catalogue/goals.mjs';
import { catalogue, selected } from './catalogue/index.mjs';
import { ownData } from './catalogue/own-data.mjs';
import { sizesFor } from './catalogue/sizes.mjs';
import { readCommandLine, usage } from './command-line.mjs';
import { missingFiles } from './data/official.mjs';
import { prepare } from './data/prepare.mjs';
import { describeEnvironment, environmentText } from './report/environment.mjs';
import { judge } from './report/judgement.mjs';
import { summarise } from './report/summary.mjs';
import { keepRun, listOfRuns, runText } from './report/kept-runs.mjs';
import { tablesOf } from './report/tables.mjs';
import { text } from './report/text.mjs';
import { writeReport } from './report/write-report.mjs';
import { installPeers } from './peers/install.mjs';
import { runRounds } from './side/rounds.mjs';

const options = readCommandLine(process.argv.slice(2));

if (options.help) say(usage);
else if (options.list) say(sectionsFor(options).map(listed).join('\n'));
else if (options.results) say(options.run === undefined ? listOfRuns() : runText(options.run));
else if (options.from !== undefined) await report(JSON.parse(readFileSync(options.from, 'utf8')));
else if (options.collection !== undefined) process.exitCode = await onOwnData();
else process.exitCode = await onMadeData();

async function onMadeData() {
  const sections = sectionsFor(options);
  if (sections.length === 0) throw new Error(`No section's id matches ${options.only}: see --list`);
  const missing = missingFiles(options.data);
  if (missing.length > 0) {
    say(
      `${options.data} lacks ${missing.join(', ')}: the program makes documents of the same shape instead.`,
    );
  }
  const mongod = await startMongod({ onProgress: say });
  const client = new MongoClient(mongod.uri);
  const database = `mongo_offload_bench_${process.pid}`;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mongo-offload-bench-'));
  try {
    const environment = await describeEnvironment(client);
    environment.generatedDocument = missing.includes('tweet.json');
    say(environmentText(environment));
    say('Making the data …');
    const { data } = options;
    const db = client.db(database);
    const files = await prepare(sections, { db, data, folder, onProgress: progress });
    return await measure(sections, { client, environment, uri: mongod.uri, database, files });
  } finally {
    await client.db(database).dropDatabase();
    await client.close();
    await mongod.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures on the user's own server: neither this function nor the sections write to it. */
async function onOwnData() {
  const { uri } = options;
  const [database, ...name] = options.collection.split('.');
  const collection = name.join('.');
  const client = new MongoClient(uri);
  try {
    const environment = await describeEnvironment(client);
    say(environmentText(environment));
    const has = await client.db(database).collection(collection).countDocuments();
    if (has === 0) throw new Error(`${options.collection} has no documents`);
    const { documents, ...sizes } = sizesFor(options);
    const sections = ownData({ ...sizes, collection, documents: Math.min(has, documents) });
    const chosen = selected(sections, options);
    return await measure(chosen, { client, environment, uri, database });
  } finally {
    await client.close();
  }
}

async function measure(sections, { client, environment, ...common }) {
  const { quick, rounds, full, large, workers, collection } = options;
  const python = options.peers ? await pythonWithPeers() : undefined;
  const startedAt = new Date();
  const { pid: mongodPid } = await client.db('admin').command({ serverStatus: 1 });
  /** Returns the report of the rounds that are done. */
  const resultsOf = ({ round, measured, failures, turns }) => {
    const summaries = sections
      .map((section) => summarise(section, measured.get(section.id)))
      .filter(({ figures }) => figures.length > 0);
    return {
      format: 2,
      startedAt: startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      environment: { ...environment, loadAfter: os.loadavg()[0], turns },
      options: {
        quick,
        rounds: round,
        full,
        large,
        workers,
        collection,
        ...sizesFor(options),
        data: undefined,
      },
      sections: summaries,
      goals: collection === undefined ? judge(goals, summaries) : [],
      failures,
    };
  };
  const done = await runRounds(sections, {
    ...common,
    rounds,
    workers,
    mongodPid,
    python,
    patienceMS: options.patience * 1000,
    onRound: (round) => process.stderr.isTTY || say(`Round ${round} of ${rounds} …`),
    onSection: progress,
    // A run that ends early is not lost: `--from` reads the rounds that are done.
    onRoundDone: (soFar) => writeReport(resultsOf(soFar), { file: path.resolve(options.json) }),
  });
  progress();
  await report(resultsOf({ round: rounds, ...done }));
  return done.failures.length > 0 ? 1 : 0;
}

async function report(results) {
  const { failures, environment, options: measuredWith } = results;
  say(tablesOf(results).map(text).join('\n'));
  if (measuredWith.quick) {
    say('Quick: these figures mean nothing, too little was measured.');
  }
  say(
    `Medians of ${measuredWith.rounds} rounds, lowest and highest in brackets; goals are held against the medians.`,
  );
  const { all, disturbed } = environment.turns;
  if (disturbed > 0) {
    say(`${disturbed} of ${all} measurements were disturbed: other programs used the processors.`);
  }
  const written = await writeReport(results, {
    file: path.resolve(options.json),
    page: options.page === undefined ? options.docs || undefined : path.resolve(options.page),
  });
  if (options.keep !== undefined) {
    written.push(...keepRun(results, { name: options.keep, command: commandLine() }));
  }
  say(`Written: ${written.map((file) => path.relative(process.cwd(), file)).join(', ')}`);
  for (const failure of failures) process.stderr.write(`\nFAILED: ${failure}\n`);
}

/** Returns the command of this run, as one would type it in a shell. */
function commandLine() {
  const quoted = process.argv.slice(2).map((arg) => (/^[\w.,/:=-]+$/.test(arg) ? arg : `'${arg}'`));
  return ['npm run bench --', ...quoted].join(' ');
}

async function pythonWithPeers() {
  const { python, missing } = await installPeers({ onProgress: say });
  if (missing !== undefined) say(`Without Motor and PyMongo: ${missing}.`);
  return python;
}

function sectionsFor(asked) {
  return selected(catalogue(sizesFor(asked)), asked);
}

function listed({ id, subject, title }) {
  return `${id.padEnd(30)} ${subject}: ${title}`;
}

/** Shows the current step in one line, which the next step replaces; only on a terminal. */
function progress(line = '') {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns - 1)}`);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
