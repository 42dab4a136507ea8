#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { discover } from './lanes/discover.mjs';
import { report, shortfalls } from './lanes/report.mjs';
import { runDriver } from './lanes/run-driver.mjs';

const usage = `Runs the specification tests of the MongoDB drivers.

  node conformance/main.mjs [options]

  --spec DIR       the specifications' folder (../shared/specifications beside the repository)
  --driver MODULE  what to test; may be given again (mongodb and, if built, @mongo-offload/core)
  --filter REGEX   only the cases whose suite/file/description matches
  --json FILE      write all results there
  --unmonitored    no client monitors its commands, and nothing is asserted of them
  --uri URI        a server to use; else one is started for each driver
  --limit MS       how long one case may take (15000)

The first driver is the reference: the exit code is 1 where it passes what another does not.`;

const native = 'mongodb';
const ours = '@mongo-offload/core';
const here = path.dirname(fileURLToPath(import.meta.url));

const { values } = parseArgs({
  options: {
    spec: { type: 'string', default: path.join(here, '..', '..', 'shared', 'specifications') },
    driver: { type: 'string', multiple: true },
    filter: { type: 'string', default: '' },
    json: { type: 'string' },
    unmonitored: { type: 'boolean', default: false },
    uri: { type: 'string', default: process.env.MONGODB_URI },
    limit: { type: 'string', default: '15000' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(usage);
} else if (!existsSync(values.spec)) {
  console.log(`Skipped: there are no specifications at ${values.spec}`);
} else {
  process.exitCode = await main();
}

async function main() {
  const drivers = values.driver ?? (isBuilt(ours) ? [native, ours] : [native]);
  if (!values.driver && drivers.length === 1) console.error(`${ours} is not built: only ${native}`);
  const files = select(await discover(values.spec), new RegExp(values.filter));
  const suites = new Map(files.flatMap(({ suite, cases }) => cases.map(({ id }) => [id, suite])));

  const start = performance.now();
  const run = async (driver) => {
    const results = await runDriver({
      driver,
      files,
      folder: values.spec,
      monitoring: !values.unmonitored,
      limit: Number(values.limit),
      uri: values.uri,
    });
    return {
      driver,
      results: results.map((result) => ({ ...result, suite: suites.get(result.id) })),
    };
  };
  const runs = values.uri ? await oneByOne(drivers, run) : await Promise.all(drivers.map(run));

  const differences = JSON.parse(await readFile(path.join(here, 'differences.json'), 'utf8'));
  console.log(report(runs, differences));
  console.log(`\n${((performance.now() - start) / 1000).toFixed(1)} s`);

  const [reference, ...others] = runs;
  const missing = others.flatMap((other) => shortfalls(reference, other, differences));
  if (values.json) await writeFile(values.json, JSON.stringify({ runs, missing }, undefined, 2));
  return missing.length > 0 ? 1 : 0;
}

function select(files, filter) {
  return files
    .map((file) => ({ ...file, cases: file.cases.filter(({ id }) => filter.test(id)) }))
    .filter(({ cases }) => cases.length > 0);
}

/** Fail points are the server's, not a connection's: drivers that share one must take turns. */
async function oneByOne(drivers, run) {
  const runs = [];
  for (const driver of drivers) runs.push(await run(driver));
  return runs;
}

function isBuilt(module) {
  try {
    return typeof createRequire(import.meta.url)(module).MongoClient === 'function';
  } catch {
    return false;
  }
}
