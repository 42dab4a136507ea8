import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

interface Figure {
  name: string;
  native?: { median: number; min: number; max: number; values: number[] };
  ours: { median: number; min: number; max: number; values: number[] };
  ratio?: number;
  mark?: { now: { goal: number; met: boolean } };
}

interface Results {
  format: number;
  environment: Record<string, unknown>;
  sections: { id: string; figures: Figure[] }[];
  failures: string[];
}

const sections = ['toArray', 'batches', 'findOne8', 'insertMany', 'insertOne', 'idle', 'startUp'];

describe('a quick run of the benchmarks', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mongo-offload-bench-'));
  const json = path.join(folder, 'quick.json');
  let output: string;
  let results: Results;

  beforeAll(async () => {
    const program = path.join(__dirname, '..', 'main.mjs');
    const only = `^(${sections.join('|')})$`;
    const args = ['--quick', '--rounds', '1', '--documents', '200', '--only', only, '--json', json];
    // A folder without tweet.json: the generated document is what most machines have.
    args.push('--data', folder);
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
      env: { ...process.env, MONGODB_URI: process.env.MONGODB_TEST_URI },
    });
    output = stdout;
    results = JSON.parse(readFileSync(json, 'utf8')) as Results;
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('measures every section that was asked for, and nothing failed', () => {
    expect(results.failures).toEqual([]);
    expect(results.sections.map(({ id }) => id)).toEqual(sections);
  });

  it('gives finite figures for both sides, and a ratio of them', () => {
    for (const { id, figures } of results.sections) {
      expect(figures.length).toBeGreaterThan(0);
      for (const { native, ours, ratio } of figures) {
        expect(ours.values).toHaveLength(1);
        expect(ours.median).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(ours.median)).toBe(true);
        if (id === 'batches') expect(native).toBeUndefined();
        else expect(ratio).toBeCloseTo(ours.median / native!.median);
      }
    }
  });

  it('holds the marks against the figures', () => {
    const figures = results.sections.find(({ id }) => id === 'toArray')!.figures;
    const { ratio, mark } = figures.find(({ name }) => name === 'mainCpuPerDocument')!;
    expect(mark!.now).toEqual({ goal: 1 / 8, met: ratio! <= 1 / 8 });
  });

  it('says what it ran on, prints the tables, and draws the picture', () => {
    expect(results.environment).toMatchObject({ driver: '7.9.0', generatedDocument: true });
    expect(output).toContain('Reading 200 documents');
    expect(output).toContain('main-thread CPU, µs/document');
    expect(output).toContain('Quick: far too little was measured');
    expect(readFileSync(path.join(folder, 'quick.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(readFileSync(path.join(folder, 'quick.md'), 'utf8')).toMatch(/^\| toArray\(\) +\|/m);
  });
});
