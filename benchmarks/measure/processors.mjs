import { readFileSync } from 'node:fs';

/** A processor's second, as /proc counts it on Linux. */
const ticksPerSecond = 100;

/**
 * What all processors of the machine have done so far, in seconds; undefined where the system does not
 * say (no /proc/stat).
 */
export function processorSeconds() {
  const line = read('/proc/stat')?.split('\n', 1)[0];
  if (line === undefined) return undefined;
  // user, nice, system, idle, iowait, irq, softirq, steal; the guests' time is in user and nice already.
  const seconds = line.trim().split(/\s+/).slice(1, 9).map(toSeconds);
  const all = seconds.reduce((sum, value) => sum + value, 0);
  return { all, busy: all - seconds[3] - seconds[4] };
}

/** CPU seconds of a mongod on this machine; undefined where the process of this id is none. */
export function mongodSeconds(pid) {
  if (read(`/proc/${pid}/comm`)?.startsWith('mongod') !== true) return undefined;
  // Behind the name in brackets, which may hold spaces: the state, then the 12th and 13th are utime and stime.
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
