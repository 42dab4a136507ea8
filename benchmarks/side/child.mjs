// The process of one section, side and round: it receives a job and prints the measurement.
import { readFileSync } from 'node:fs';

const job = JSON.parse(readFileSync(0, 'utf8'));
// Only the job's section is loaded, so the section of start-up finds nothing loaded yet.
const { run } = await import(`../sections/${job.program}.mjs`);
const { helpersCpuSeconds = 0, ...measured } = await run(job);
const { user, system } = process.cpuUsage();
const cpuSeconds = (user + system) / 1e6 + helpersCpuSeconds;
process.stdout.write(`${JSON.stringify({ ...measured, cpuSeconds })}\n`);
