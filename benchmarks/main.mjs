#!/usr/bin/env node
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startMongod } from '@mongo-offload/mongod';
import { MongoClient } from 'mongodb';
import { fillCollections } from './data/collections.mjs';
import { readTweet } from './data/tweet.mjs';
import { source, sourceNotes } from './measure/main-thread-cpu.mjs';
import { extract } from './report/extract.mjs';
import { picture } from './report/picture.mjs';
import { summarise } from './report/summary.mjs';
import { tables } from './report/tables.mjs';
import { catalogue } from './sections/catalogue.mjs';
import { runRounds } from './side/rounds.mjs';

const usage = `Measures mongodb and @mongo-offload/core side by side.

  npm run bench -- [options]

  --rounds N      how often all is measured (5; --quick: 2)
  --only REGEX    only the sections whose name matches: toArray, forAwait, batches, stream, mixed, large…,
                  findOne1, findOne8, findOne64, findOne512, insertMany, insertOne, idle, startUp
  --large         read 200,000 documents as well
  --documents N   how many documents the other sections read (20000; --quick: 1000)
  --workers N     worker threads of @mongo-offload/core (its own default)
  --patience S    wait for quiet moments, and repeat a measurement during which other programs used the
                  processors, for up to so many seconds each time (0)
  --quick         small and soon over: to see that it runs, not for figures
  --data DIR      the folder of tweet.json (../shared/driverbench beside the repository; where it is
                  absent, a document of the same shape)
  --json FILE     where the results go (benchmarks/results/latest.json); beside it lie a picture (.svg)
                  and an extract of the tables (.md)

MONGODB_URI names a server to use; else one is started.`;

const here = path.dirname(fileURLToPath(import.meta.url));

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    large: { type: 'boolean', default: false },
    documents: { type: 'string' },
    workers: { type: 'string' },
    patience: { type: 'string', default: '0' },
    quick: { type: 'boolean', default: false },
    data: { type: 'string', default: path.join(here, '..', '..', 'shared', 'driverbench') },
    json: { type: 'string', default: path.join(here, 'results', 'latest.json') },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(usage);
else process.exitCode = await main();

async function main() {
  const { quick } = values;
  const rounds = wholeNumber('rounds', quick ? 2 : 5);
  const sizes = {
    documents: wholeNumber('documents', quick ? 1_000 : 20_000),
    largeDocuments: values.large ? (quick ? 2_000 : 200_000) : 0,
    operations: quick ? 200 : 4_000,
    inserts: quick ? 500 : 10_000,
    singleInserts: quick ? 20 : 500,
    data: values.data,
  };
  const only = new RegExp(values.only);
  const sections = catalogue(sizes).filter(({ id }) => only.test(id));
  const { tweet, generated } = readTweet(values.data);
  if (generated) say(`No tweet.json in ${values.data}: the document is a generated one.`);

  const mongod = await startMongod({ onProgress: say });
  const startedAt = new Date();
  const loadBefore = os.loadavg()[0];
  const database = `mongo_offload_bench_${process.pid}`;
  const client = new MongoClient(mongod.uri);
  try {
    const environment = { ...(await describeEnvironment(client)), generatedDocument: generated };
    say(describe(environment, loadBefore));
    say('Filling the collections …');
    await fillCollections(client.db(database), tweet, sizes);
    const { pid: mongodPid } = await client.db('admin').command({ serverStatus: 1 });
    const { measured, failures, turns } = await runRounds(sections, {
      rounds,
      database,
      uri: mongod.uri,
      mongodPid,
      patienceMS: Number(values.patience) * 1000,
      workers: values.workers === undefined ? undefined : wholeNumber('workers'),
      onRound: (round) => process.stderr.isTTY || say(`Round ${round} of ${rounds} …`),
      onSection: progress,
    });
    progress();
    const summaries = sections.map((section) => summarise(section, measured.get(section.id)));
    const measuredSummaries = summaries.filter(({ figures }) => figures.length > 0);
    say(tables(measuredSummaries));
    if (quick) say('Quick: far too little was measured for these figures to mean anything.');
    say(
      `Medians of ${rounds} rounds, lowest and highest in brackets; marks are held against the medians.`,
    );
    if (turns.disturbed > 0) {
      say(
        `${turns.disturbed} of ${turns.all} measurements were disturbed: other programs used the processors.`,
      );
    }
    const load = { before: loadBefore, after: os.loadavg()[0] };
    const results = {
      format: 1,
      startedAt: startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      environment: { ...environment, load, turns },
      options: { quick, rounds, ...sizes, data: undefined },
      sections: summaries,
      failures,
    };
    writeResults(results, measuredSummaries);
    for (const failure of failures) process.stderr.write(`\nFAILED: ${failure}\n`);
    return failures.length > 0 ? 1 : 0;
  } finally {
    await client.db(database).dropDatabase();
    await client.close();
    await mongod.stop();
  }
}

function writeResults(results, summaries) {
  const file = path.resolve(values.json);
  const base = file.replace(/\.json$/, '');
  const { driver, mongod, node, cores } = results.environment;
  const caption =
    `Medians of ${results.options.rounds} rounds. ${cores} cores, Node ${node}, driver ${driver}, ` +
    `mongod ${mongod} on the same machine.`;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(`${base}.svg`, picture(summaries, caption));
  writeFileSync(`${base}.md`, extract(summaries));
  say(`Written: ${path.relative(process.cwd(), base)}.json, .svg and .md`);
}

async function describeEnvironment(client) {
  const { version } = await client.db('admin').command({ buildInfo: 1 });
  const require = createRequire(import.meta.url);
  const versionOf = (name) =>
    JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')).version;
  const cpus = os.cpus();
  return {
    node: process.versions.node,
    driver: versionOf('mongodb'),
    core: versionOf('@mongo-offload/core'),
    mongod: version,
    cores: os.availableParallelism(),
    cpu: cpus[0]?.model ?? 'unknown',
    platform: `${process.platform} ${process.arch}`,
    mainThreadCpu: source,
  };
}

function describe({ node, driver, mongod, cores, cpu, platform }, load) {
  const lines = [
    `Node ${node}, mongodb ${driver}, mongod ${mongod} on the same machine; ${cores} cores (${cpu}), ${platform}.`,
    'Each section runs in a fresh process for each side and round, after one warm-up and a garbage collection,',
    'so that neither side pays for the compiler or for the garbage of another.',
    `Main-thread CPU is ${sourceNotes[source]}.`,
  ];
  if (load > 0.5) {
    lines.push(
      `NOTE: the load average is ${load.toFixed(1)}: something else runs here, and the figures will be rough.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function wholeNumber(name, fallback) {
  const value = Number(values[name] ?? fallback);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`--${name} must be a whole number from 1, not ${values[name]}`);
}

/** What is being done, in one line that the next replaces; on a terminal only. */
function progress(line = '') {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns - 1)}`);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
