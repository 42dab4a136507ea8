import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const usage = `Measures mongodb, a naive offload of it, and @mongo-offload/core side by side.

  npm run bench -- [options]

What is measured
  --only REGEX       only the sections whose ids match, with those of --full; --list shows the ids
  --full             every section, and DriverBench in its own size (hours)
  --large            also read 200,000 documents
  --documents N      documents that the other sections read (20000; --quick: 1000)
  --workers N        worker threads of @mongo-offload/core and the naive offload (the default of each)
  --peers            also measure Motor and PyMongo Async (needs Python and pip)
  --quick            a short run that shows that all works; its figures mean nothing
  --list             print the ids of the sections that these options select, and measure nothing

On your own data
  --uri URI --collection DB.NAME
                     read this collection (--documents N of it) and never write

How it is measured
  --rounds N         rounds of all sections (5; --quick: 2)
  --patience S       wait up to S seconds for a quiet moment, and repeat a measurement during which other
                     programs used the processors (0)
  --data DIR         the documents of the drivers' common benchmark (../shared/driverbench next to the
                     repository; the program makes a document of the same shape for one that is absent)

Results
  --json FILE        write the results to this file (benchmarks/results/latest.json), a picture (.svg) and
                     the main rows (.md) next to it
  --keep NAME        also keep all rows in the repository, as benchmarks/results/NAME.json
  --docs             also put the main rows and the picture into docs/performance.md
  --page FILE        put them into this page instead
  --from FILE        measure nothing: print and draw the results in this file
  --results [NAME]   measure nothing: list the kept runs, or print the tables of one

MONGODB_URI names a server to use. Otherwise the program starts one.`;

const here = path.dirname(fileURLToPath(import.meta.url));

/** @throws {Error} if the options are invalid or contradict each other */
export function readCommandLine(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      full: { type: 'boolean', default: false },
      large: { type: 'boolean', default: false },
      documents: { type: 'string' },
      workers: { type: 'string' },
      peers: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      uri: { type: 'string' },
      collection: { type: 'string' },
      rounds: { type: 'string' },
      patience: { type: 'string', default: '0' },
      data: { type: 'string', default: path.join(here, '..', '..', 'shared', 'driverbench') },
      json: { type: 'string' },
      from: { type: 'string' },
      docs: { type: 'boolean', default: false },
      page: { type: 'string' },
      keep: { type: 'string' },
      results: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [run, ...rest] = values.results ? positionals : [undefined, ...positionals];
  if (rest.length > 0) throw new Error(`Unexpected argument: ${rest.join(' ')}. See --help.`);
  if (values.keep !== undefined && !/^[a-z][a-z0-9-]*$/.test(values.keep)) {
    throw new Error(`--keep takes a name of a-z, 0-9 and -, not ${values.keep}`);
  }
  if ((values.uri === undefined) !== (values.collection === undefined)) {
    throw new Error(
      '--uri and --collection belong together: --uri mongodb://… --collection db.name',
    );
  }
  if (values.collection !== undefined && !/^[^.]+\../.test(values.collection)) {
    throw new Error(
      `--collection must be a database and a name, as in db.name, not ${values.collection}`,
    );
  }
  return {
    ...values,
    run,
    json: values.json ?? values.from ?? path.join(here, 'results', 'latest.json'),
    rounds: wholeNumber('rounds', values.rounds) ?? (values.quick ? 2 : 5),
    documents: wholeNumber('documents', values.documents),
    workers: wholeNumber('workers', values.workers),
    patience: Number(values.patience),
  };
}

function wholeNumber(name, given) {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`--${name} must be a whole number from 1, not ${given}`);
}
