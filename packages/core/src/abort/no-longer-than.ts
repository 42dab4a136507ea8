import { timers } from '../event-loop';

/** What the promise gives; undefined where it has not settled when so many milliseconds have passed. It goes on then. */
export async function noLongerThan<T>(
  limitMS: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = timers.setTimeout(resolve, limitMS, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timers.clearTimeout(timer);
  }
}
