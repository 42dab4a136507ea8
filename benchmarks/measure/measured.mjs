import { allocatedBytes } from './allocations.mjs';
import { peakMemory } from './memory.mjs';
import { measurePass, settle } from './pass.mjs';
import { quantile, watchStalls } from './stalls.mjs';

/**
 * Measures a piece of work in this process, in the order of the four passes: one to warm up, one for time,
 * CPU and memory, one that watches the event loop, one that samples allocations.
 *
 * @template Prepared
 * @param {object} plan
 * @param {'document' | 'operation' | 'megabyte'} plan.unit what the figures are given per
 * @param {number} plan.count how many of them `work` does
 * @param {(prepared: Prepared) => Promise<object>} plan.work gives back what it saw, for comparing sides
 * @param {() => Prepared | Promise<Prepared>} [plan.prepare] before each pass, unmeasured
 * @param {{ count: number, work: (prepared: Prepared) => Promise<unknown> }} [plan.light] a smaller piece of
 *   the same work, to warm up with and to sample, where the whole takes too long for four passes
 * @param {(prepared: Prepared) => Promise<unknown>} [plan.warmUp] to warm up with, where that is of another size
 * @param {number} [plan.megabytes] what `work` moves, in millions of bytes
 * @param {Float64Array} [plan.latencies] milliseconds of each operation, as `work` fills them in
 * @param {number} plan.restingMemory from `memoryAtRest`, when the client was connected
 * @returns {Promise<{ witness: object, metrics: Record<string, number> }>}
 */
export async function measured(plan) {
  const { unit, count, work, prepare = () => undefined, light = { count, work } } = plan;
  const { warmUp = light.work } = plan;
  const pass = async (run, measure) => {
    const prepared = await prepare();
    await settle();
    return await measure(() => run(prepared));
  };

  await pass(warmUp, (run) => run());
  const { result, wallMS, mainCpuMS, processCpuMS } = await pass(work, measurePass);
  const memoryOverIdle = peakMemory() - plan.restingMemory;
  const latencies = plan.latencies && latencyMetrics(plan.latencies);
  const stalls = await pass(work, watchStalls);
  const allocated = await pass(light.work, allocatedBytes);

  const { mainCpu, processCpu, rate, allocatedBy } = names[unit];
  return {
    witness: result,
    metrics: {
      [mainCpu]: (mainCpuMS * 1000) / count,
      [processCpu]: (processCpuMS * 1000) / count,
      [rate]: (count * 1000) / wallMS,
      ...(plan.megabytes && { megabytesPerSecond: (plan.megabytes * 1000) / wallMS }),
      ...latencies,
      ...stalls,
      [allocatedBy]: allocated / 1024 / light.count,
      memoryOverIdle,
    },
  };
}

const names = {
  document: {
    mainCpu: 'mainCpuPerDocument',
    processCpu: 'processCpuPerDocument',
    rate: 'documentsPerSecond',
    allocatedBy: 'allocatedPerDocument',
  },
  operation: {
    mainCpu: 'mainCpuPerOperation',
    processCpu: 'processCpuPerOperation',
    rate: 'operationsPerSecond',
    allocatedBy: 'allocatedPerOperation',
  },
  megabyte: {
    mainCpu: 'mainCpuPerMegabyte',
    processCpu: 'processCpuPerMegabyte',
    rate: 'megabytesPerSecond',
    allocatedBy: 'allocatedPerMegabyte',
  },
};

function latencyMetrics(latencies) {
  const sorted = Float64Array.from(latencies).sort();
  return { latencyMedian: quantile(sorted, 0.5), latencyP99: quantile(sorted, 0.99) };
}
