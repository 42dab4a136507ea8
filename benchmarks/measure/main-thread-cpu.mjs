import { existsSync, readFileSync } from 'node:fs';

const schedstat = `/proc/self/task/${process.pid}/schedstat`;

/** Where the figures come from; said in the report, since the three are not the same thing. */
export const source = existsSync(schedstat)
  ? 'schedstat'
  : typeof process.threadCpuUsage === 'function'
    ? 'threadCpuUsage'
    : 'cpuUsage';

export const sourceNotes = {
  schedstat: "the kernel's account of the main thread alone (/proc/self/task/<pid>/schedstat)",
  threadCpuUsage: 'process.threadCpuUsage() of the main thread',
  cpuUsage:
    'process.cpuUsage() of the WHOLE process, workers included: this system tells no more, so ' +
    'the main-thread figures of @mongo-offload/core are far too high here',
};

/**
 * CPU milliseconds that the main thread has used so far. The kernel brings schedstat up to date when a
 * thread goes to sleep, so sleep before reading it: see `measurePass`.
 */
export function mainThreadCpuMS() {
  if (source === 'schedstat') return Number(readFileSync(schedstat, 'utf8').split(' ', 1)[0]) / 1e6;
  const { user, system } =
    source === 'threadCpuUsage' ? process.threadCpuUsage() : process.cpuUsage();
  return (user + system) / 1e3;
}

/** CPU milliseconds of all threads of the process. */
export function processCpuMS() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}
