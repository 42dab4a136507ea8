import { timers } from '../event-loop';

/** Settles as the promise does, or resolves with undefined after the limit in ms. The work itself continues. */
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
