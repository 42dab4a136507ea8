import { pbkdf2Sync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { mainThreadCpuMS } from '@mongo-offload/benchmarks/main-thread-cpu';

const hashEveryMS = 20;
const hashMS = 3;

// As many iterations as take this machine about that long, and what they really take.
const probe = 5_000;
const iterations = Math.ceil((probe * hashMS) / (await cpuOfHash(probe)));
const hashCpuMS = await cpuOfHash(iterations);

/**
 * Runs `work` while others share its event loop: a timer that should tick every millisecond, and a few
 * milliseconds of hashing every 20. Tells what the work cost, and how long the timer was kept waiting.
 */
export async function onSharedLoop(work) {
  const gaps = [];
  let hashes = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }, 1);
  const hashing = setInterval(() => {
    hash(iterations);
    hashes += 1;
  }, hashEveryMS);
  await sleep(50);
  gaps.length = 0;
  hashes = 0;

  const cpuBefore = mainThreadCpuMS();
  const start = performance.now();
  const result = await work();
  const wallMS = performance.now() - start;
  // What comes late is counted: the tick behind the last stall, and what the client does afterwards.
  await sleep(50);
  const cpuMS = mainThreadCpuMS() - cpuBefore - hashes * hashCpuMS;
  clearInterval(timer);
  clearInterval(hashing);
  gaps.sort((a, b) => a - b);
  return {
    result,
    wallMS,
    cpuMS,
    longestStallMS: gaps.at(-1),
    p99StallMS: gaps[Math.floor(gaps.length * 0.99)],
  };
}

function hash(rounds) {
  pbkdf2Sync('password', 'salt', rounds, 32, 'sha256');
}

/** Main-thread CPU of one hash, by the same account as the work's own. */
async function cpuOfHash(rounds) {
  const repeats = 20;
  // The account is brought up to date when the thread sleeps.
  await sleep(10);
  const before = mainThreadCpuMS();
  for (let i = 0; i < repeats; i++) hash(rounds);
  await sleep(10);
  return (mainThreadCpuMS() - before) / repeats;
}
