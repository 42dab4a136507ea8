import { quantile } from './stalls.mjs';

/** The figures of a pass of single operations, whose latencies are in milliseconds. */
export function operationMetrics(count, { wallMS, mainCpuMS, processCpuMS }, latencies) {
  const sorted = Float64Array.from(latencies).sort();
  return {
    mainCpuPerOperation: (mainCpuMS * 1000) / count,
    processCpuPerOperation: (processCpuMS * 1000) / count,
    operationsPerSecond: (count * 1000) / wallMS,
    latencyMedian: quantile(sorted, 0.5),
    latencyP99: quantile(sorted, 0.99),
  };
}
