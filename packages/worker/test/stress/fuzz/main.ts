import { parseArgs } from 'node:util';

import { FuzzFailure, noCounts, runSeries, SERIES_INPUTS, type Counts } from './campaign';
import { Watchdog } from './watchdog';

const USAGE = `Usage: npm run fuzz -- [--count N] [--seed S] [--series K]

Sends N (100000) mutated BSON documents through the tape and compares each with BSON.deserialize.
A seed gives the same inputs again, and so does one series of it, which a failure names.`;

function main(): void {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100000' },
      seed: { type: 'string' },
      series: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const count = whole('count', values.count);
  const seed = values.seed === undefined ? Date.now() % 0x7fffffff : whole('seed', values.seed);
  const first = values.series === undefined ? 0 : whole('series', values.series);
  console.log(`Seed ${seed}.`);
  const counts = noCounts();
  const start = performance.now();
  const watchdog = new Watchdog(seed);
  try {
    run(seed, first, values.series === undefined ? count : SERIES_INPUTS, counts, watchdog);
  } catch (error) {
    console.error(error instanceof FuzzFailure ? error.message : error);
    console.error(`Again by: npm run fuzz -- --seed ${seed} --series ${watchdog.series}`);
    process.exitCode = 1;
  } finally {
    watchdog.stop();
  }
  report(counts, (performance.now() - start) / 1_000);
}

function run(seed: number, first: number, count: number, counts: Counts, watchdog: Watchdog): void {
  let reported = 0;
  for (let series = first; counts.inputs < count; series++) {
    watchdog.series = series;
    runSeries(seed, series, Math.min(SERIES_INPUTS, count - counts.inputs), counts);
    if (counts.inputs - reported >= 100_000 && counts.inputs < count) {
      reported = counts.inputs;
      console.log(`${counts.inputs} inputs …`);
    }
  }
}

function report(counts: Counts, seconds: number): void {
  const rows = Object.entries(counts.byMutation).map(([how, tally]) => ({
    mutation: how,
    ...tally,
  }));
  console.table(rows);
  console.log(
    `${counts.inputs} inputs: ${counts.documents} the right document, ${counts.errors} the same error; ` +
      `${counts.neighbours} sound neighbours whole; ${counts.roundTrips} round trips as arguments; ` +
      `${seconds.toFixed(1)} s`,
  );
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (text !== '' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`--${name} must be a whole number, not ${JSON.stringify(text)}`);
}

main();
