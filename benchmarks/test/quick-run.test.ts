import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';

interface Spread {
  median: number;
  min: number;
  max: number;
  values: number[];
}

type Side = 'native' | 'naive' | 'ours' | 'floor';

interface Figure {
  name: string;
  sides: Partial<Record<Side, Spread>>;
  toNative?: number;
}

interface Results {
  environment: Record<string, unknown>;
  sections: { id: string; figures: Figure[] }[];
  goals: {
    what: string;
    met?: boolean;
    proofs: { section: string; reached: number; floor?: number }[];
  }[];
  failures: string[];
}

/** A run whose rows are kept. */
interface Kept {
  tables: { title: string; columns: string[]; rows: string[][] }[];
}

interface Entry {
  name: string;
  title: string;
  rows: number;
}

const folder = mkdtempSync(path.join(tmpdir(), 'mongo-offload-bench-'));
const json = path.join(folder, 'quick.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a quick run of the benchmarks', () => {
  const sections = [
    'toArray',
    'forAwait',
    'findOne8',
    'driverBenchGridFSUpload',
    'http',
    'startUp',
  ];
  let output: string;
  let results: Results;

  beforeAll(async () => {
    const only = `^(${sections.join('|')})$`;
    // This folder lacks the documents of the common benchmark, as most machines do.
    output = await bench('--rounds', '1', '--documents', '200', '--only', only, '--data', folder);
    results = readResults();
  }, 180_000);

  it('measures every selected section without a failure', () => {
    expect(results.failures).toEqual([]);
    expect(results.sections.map(({ id }) => id)).toEqual(sections);
  });

  it('gives finite figures for all sides, and their ratio', () => {
    for (const { figures } of results.sections) {
      expect(figures.length).toBeGreaterThan(0);
      for (const { name, sides, toNative } of figures) {
        for (const side of ['native', 'naive', 'ours'] as const) {
          expect(sides[side]!.values).toHaveLength(1);
          expect(Number.isFinite(sides[side]!.median)).toBe(true);
          // The process may return memory meanwhile.
          if (name !== 'memoryOverIdle') expect(sides[side]!.median).toBeGreaterThanOrEqual(0);
        }
        const ratio = sides.ours!.median / sides.native!.median;
        if (toNative !== undefined) expect(toNative).toBeCloseTo(ratio);
      }
    }
  });

  it('measures CPU, rate, stalls, allocations and memory of reading, and the floor', () => {
    const { figures } = results.sections[0];
    expect(figures.map(({ name }) => name)).toEqual([
      'mainCpuPerDocument',
      'processCpuPerDocument',
      'documentsPerSecond',
      'stallMax',
      'gapMax',
      'stallP99',
      'gapP99',
      'allocatedPerDocument',
      'memoryOverIdle',
    ]);
    const { native, floor } = figures[0].sides;
    expect(floor!.median).toBeLessThan(native!.median);
  });

  it('measures the waits of an idle thread as the floor of ways that keep nothing', () => {
    const { id, figures } = results.sections[1];
    const withFloor = figures.filter(({ sides }) => sides.floor !== undefined);
    expect(id).toBe('forAwait');
    expect(withFloor.map(({ name }) => name)).toEqual(['stallMax', 'gapMax', 'stallP99', 'gapP99']);
    const { proofs } = results.goals.find(({ what }) => what.startsWith('longest stall'))!;
    const floorOf = ({ figures }: Results['sections'][number]): number =>
      figures.find(({ name }) => name === 'stallMax')!.sides.floor!.median;
    expect(proofs.map(({ section, floor }) => [section, floor])).toEqual(
      results.sections.slice(0, 2).map((section) => [section.id, floorOf(section)]),
    );
    expect(output).toMatch(/forAwait [\d.]+ \(floor [\d.]+\)/);
  });

  it('compares the goals with the figures', () => {
    const { toNative, sides } = results.sections[0].figures[0];
    const floor = sides.floor!.median / sides.native!.median;
    const goal = results.goals.find(({ what }) => what.startsWith('main-thread CPU per document'))!;
    expect(goal.proofs).toEqual([{ section: 'toArray', reached: toNative, floor, met: goal.met }]);
    expect(goal.met).toBe(toNative! <= 1 / 20);
  });

  it('names the machine and versions, prints the tables, and draws the picture', () => {
    expect(results.environment).toMatchObject({ driver: '7.9.0', generatedDocument: true });
    expect(output).toContain('Reading 200 tweets');
    expect(output).toContain('main-thread CPU, µs/document');
    expect(output).toContain('Quick: these figures mean nothing');
    expect(readFileSync(path.join(folder, 'quick.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(readFileSync(path.join(folder, 'quick.md'), 'utf8')).toMatch(/^\| toArray\(\) +\|/m);
  });

  it('makes the same report again from its results', async () => {
    const before = readFileSync(path.join(folder, 'quick.svg'), 'utf8');
    const again = await bench('--from', json);
    expect(again).toContain('Reading 200 tweets');
    expect(readFileSync(path.join(folder, 'quick.svg'), 'utf8')).toBe(before);
  });

  it('puts its main rows into the places of a page, and changes nothing else in it', async () => {
    const page = path.join(folder, 'page.md');
    const places = (...names: string[]): string =>
      names
        .map((name) => `Before.\n\n<!-- bench:${name} -->\n\nold\n\n<!-- /bench:${name} -->\n`)
        .join('\n');
    writeFileSync(page, places('run', 'table'));
    await bench('--from', json, '--page', page);
    const filled = readFileSync(page, 'utf8');
    expect(filled).toContain('Medians of 1 round');
    expect(filled).toMatch(/^\| toArray\(\) +\| main-thread CPU, µs\/document +\|/m);
    expect(filled).not.toContain('old');
    expect(filled.match(/^Before\.$/gm)).toHaveLength(2);
    expect(readFileSync(path.join(folder, 'page.svg'), 'utf8')).toMatch(/^<svg /);

    writeFileSync(page, places('run'));
    await expect(bench('--from', json, '--page', page)).rejects.toThrow('has no place for "table"');
    expect(readFileSync(page, 'utf8')).toBe(places('run'));
  });

  it('keeps all rows of a run, lists it, and prints it again', async () => {
    const kept = mkdtempSync(path.join(folder, 'kept-'));
    const keep = `keepRun(JSON.parse(readFileSync(${JSON.stringify(json)})), { name: 'quick', command: 'again', folder })`;
    const printed = await evaluate(
      `const folder = ${JSON.stringify(kept)}; ${keep}; ${keep};`,
      `console.log(listOfRuns(folder)); console.log(runText('quick', folder));`,
    );
    expect(printed.match(/^quick /gm)).toHaveLength(1);
    expect(printed).toContain('Reading 200 tweets');
    const run = JSON.parse(readFileSync(path.join(kept, 'quick.json'), 'utf8')) as Kept;
    const figures = results.sections.flatMap((section) => section.figures);
    const rows = run.tables.flatMap((table) =>
      table.columns.includes('ours/naive') ? table.rows : [],
    );
    expect(rows).toHaveLength(figures.length);
  });
});

describe('the kept runs', () => {
  it('are listed, and each can be printed with as many rows as the index says', async () => {
    const listed = await bench('--results');
    const folder = path.join(__dirname, '..', 'results');
    const index = JSON.parse(readFileSync(path.join(folder, 'index.json'), 'utf8')) as Entry[];
    expect(index.length).toBeGreaterThan(0);
    for (const { name, title, rows } of index) {
      const run = JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')) as Kept;
      expect(run.tables.reduce((sum, table) => sum + table.rows.length, 0)).toBe(rows);
      expect(listed).toContain(title);
      const printed = await bench('--results', name);
      for (const table of run.tables) expect(printed).toContain(table.title);
    }
  }, 60_000);

  it('names the kept runs when asked for one that does not exist', async () => {
    await expect(bench('--results', 'none')).rejects.toThrow(
      /There is no kept run "none"\. These are kept: main, /,
    );
  });
});

describe("a run on the user's own collection", () => {
  const name = `bench_own_${process.pid}`;
  const client = new MongoClient(process.env.MONGODB_TEST_URI!);
  afterAll(async () => {
    await client.db(name).dropDatabase();
    await client.close();
  });

  it('reads it on all sides, and changes nothing on the server', async () => {
    const orders = client.db(name).collection('orders.2024');
    await orders.insertMany(
      Array.from({ length: 50 }, (_, number) => ({ number, text: `${number}` })),
    );
    const before = await client.db(name).listCollections().toArray();
    const uri = process.env.MONGODB_TEST_URI!;
    const only = '^(forAwait|findOne1)$';
    await bench(
      '--rounds',
      '1',
      '--uri',
      uri,
      '--collection',
      `${name}.orders.2024`,
      '--only',
      only,
    );

    const { failures, sections, goals } = readResults();
    expect(failures).toEqual([]);
    expect(goals).toEqual([]);
    expect(sections.map(({ id }) => id)).toEqual(['forAwait', 'findOne1']);
    for (const { figures } of sections) {
      expect(Object.keys(figures[0].sides)).toEqual(['native', 'naive', 'ours']);
    }
    expect(await client.db(name).listCollections().toArray()).toEqual(before);
    expect(await orders.countDocuments()).toBe(50);
  }, 60_000);

  it('refuses a collection without a server, and a name without a database', async () => {
    await expect(bench('--collection', 'a.b')).rejects.toThrow('--uri and --collection belong');
    await expect(bench('--uri', 'mongodb://x', '--collection', 'b')).rejects.toThrow(
      'as in db.name',
    );
  });
});

async function bench(...args: string[]) {
  const program = path.join(__dirname, '..', 'main.mjs');
  const target = args[0] === '--from' || args[0] === '--results' ? [] : ['--quick', '--json', json];
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...target, ...args], {
    env: { ...process.env, MONGODB_URI: process.env.MONGODB_TEST_URI },
  });
  return stdout;
}

/** Runs statements in a process that has the module of the kept runs. */
async function evaluate(...statements: string[]) {
  const file = pathToFileURL(path.join(__dirname, '..', 'report', 'kept-runs.mjs')).href;
  const imports = [
    `import { keepRun, listOfRuns, runText } from ${JSON.stringify(file)};`,
    "import { readFileSync } from 'node:fs';",
  ];
  const program = [...imports, ...statements].join('\n');
  const args = ['--input-type=module', '--eval', program];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

function readResults() {
  return JSON.parse(readFileSync(json, 'utf8')) as Results;
}
