// The process of one section, on one side, in one round: it gets a job, and prints what it measured.
import { readFileSync } from 'node:fs';

const job = JSON.parse(readFileSync(0, 'utf8'));
// Loaded when it is known, so that the section of start-up finds nothing loaded yet.
const { run } = await import(`../sections/${job.program}.mjs`);
const { helpersCpuSeconds = 0, ...measured } = await run(job);
const { user, system } = process.cpuUsage();
const cpuSeconds = (user + system) / 1e6 + helpersCpuSeconds;
process.stdout.write(`${JSON.stringify({ ...measured, cpuSeconds })}\n`);
