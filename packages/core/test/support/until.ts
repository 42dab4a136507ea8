import { setTimeout as delay } from 'node:timers/promises';

/** Waits until a condition holds, and fails if that never happens. The limit only ends a test that would hang. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition never came true');
    await delay(5);
  }
}
