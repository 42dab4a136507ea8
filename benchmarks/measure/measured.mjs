import { allocatedBytes } from './allocations.mjs';
import { peakMemory } from './memory.mjs';
import { measurePass, settle } from './pass.mjs';
import { quantile, watchStalls } from './stalls.mjs';

/**
 * Measures a piece of work in this process in four passes: warm-up; time, CPU and memory; stalls of the event loop;
 * allocations.
 *
 * @template Prepared
 * @param {object} plan
 * @param {'document' | 'operation' | 'megabyte'} plan.unit the unit of the figures
 * @param {number} plan.count the number of units in `work`
 * @param {(prepared: Prepared) => Promise<object>} plan.work returns what it read, to compare the sides
 * @param {() => Prepared | Promise<Prepared>} [plan.prepare] runs before each pass and is not measured
 * @param {{ count: number, work: (prepared: Prepared) => Promise<unknown> }} [plan.light] a smaller piece of the
 *   same work for warm-up and sampling, if the whole takes too long for four passes
 * @param {(prepared: Prepared) => Promise<unknown>} [plan.warmUp] the warm-up, if it has another size
 * @param {number} [plan.megabytes] millions of bytes that `work` moves
 * @param {Float64Array} [plan.latencies] milliseconds of each operation; `work` fills it
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
