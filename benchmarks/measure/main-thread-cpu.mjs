import { existsSync, readFileSync } from 'node:fs';

const schedstat = `/proc/self/task/${process.pid}/schedstat`;

/** The source of the figures. The report names it, because the three measure different things. */
export const source = existsSync(schedstat)
  ? 'schedstat'
  : typeof process.threadCpuUsage === 'function'
    ? 'threadCpuUsage'
    : 'cpuUsage';

export const sourceNotes = {
  schedstat: "the kernel's account of the main thread alone (/proc/self/task/<pid>/schedstat)",
  threadCpuUsage: 'process.threadCpuUsage() of the main thread',
  cpuUsage:
    'process.cpuUsage() of the WHOLE process, workers included: this system has no better source, so ' +
    'the main-thread figures of @mongo-offload/core are far too high here',
};

/**
 * Returns the CPU milliseconds of the main thread so far. The kernel updates schedstat when a thread goes to sleep,
 * so sleep before reading it: see `measurePass`.
 */
export function mainThreadCpuMS() {
  if (source === 'schedstat') return Number(readFileSync(schedstat, 'utf8').split(' ', 1)[0]) / 1e6;
  const { user, system } =
    source === 'threadCpuUsage' ? process.threadCpuUsage() : process.cpuUsage();
  return (user + system) / 1e3;
}

/** Returns the CPU milliseconds of all threads of the process. */
export function processCpuMS() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}
