import { readFileSync } from 'node:fs';

/** Ticks of /proc in one second of a processor. */
const ticksPerSecond = 100;

/**
 * Returns the seconds that all processors of the machine have worked so far; undefined without /proc/stat.
 */
export function processorSeconds() {
  const line = read('/proc/stat')?.split('\n', 1)[0];
  if (line === undefined) return undefined;
  // user, nice, system, idle, iowait, irq, softirq, steal; user and nice already include the guests' time.
  const seconds = line.trim().split(/\s+/).slice(1, 9).map(toSeconds);
  const all = seconds.reduce((sum, value) => sum + value, 0);
  return { all, busy: all - seconds[3] - seconds[4] };
}

/** Returns the CPU seconds of a mongod on this machine; undefined if the process is not a mongod. */
export function mongodSeconds(pid) {
  if (read(`/proc/${pid}/comm`)?.startsWith('mongod') !== true) return undefined;
  // After the name in brackets, which may contain spaces, comes the state; utime and stime are the 12th and 13th.
  const fields = read(`/proc/${pid}/stat`).split(') ')[1].split(' ');
  return toSeconds(fields[11]) + toSeconds(fields[12]);
}

function toSeconds(ticks) {
  return Number(ticks) / ticksPerSecond;
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
