import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a condition that nothing tells of; fails where it does not come true. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition never came true');
    await delay(5);
  }
}
