import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { measurePass, settle } from '../measure/pass.mjs';
import { quantile, watchStalls } from '../measure/stalls.mjs';
import { withClient } from '../side/with-client.mjs';
import { startServer } from './http/server.mjs';

const loadProgram = fileURLToPath(new URL('http/load.mjs', import.meta.url));

/** Serves HTTP from this process while another process asks for it. */
export async function run(job) {
  const { collection, documents, exportWay, load, watchedLoad } = job.settings;
  return await withClient(job, async ({ db }) => {
    const server = await startServer(db.collection(collection), documents, exportWay);
    try {
      let helpersCpuSeconds = 0;
      const underLoad = async (settings) => {
        const { port } = server;
        const { cpuSeconds, ...result } = await startLoad({ port, documents, ...settings });
        helpersCpuSeconds += cpuSeconds;
        return result;
      };

      // This is the warm-up as well.
      const witness = exportWay === undefined ? {} : await exported(server.port);
      if (exportWay === undefined) await underLoad(watchedLoad);
      await settle();
      const pass = await measurePass(() => underLoad(load));
      await settle();
      const stalls = await watchStalls(() => underLoad(watchedLoad));

      const { latencies, exports, exportSeconds } = pass.result;
      return {
        witness,
        helpersCpuSeconds,
        metrics: {
          ...latencyMetrics(latencies),
          requestsPerSecond: load.seconds && latencies.document.length / load.seconds,
          documentsPerSecond: exports && (exports * documents) / exportSeconds,
          mainCpuShare: (pass.mainCpuMS * 100) / pass.wallMS,
          processCpuShare: (pass.processCpuMS * 100) / pass.wallMS,
          ...stalls,
        },
      };
    } finally {
      await server.close();
    }
  });
}

async function exported(port) {
  const response = await fetch(`http://127.0.0.1:${port}/export`);
  const lines = await response.text();
  return { bytes: lines.length, content: createHash('sha1').update(lines).digest('hex') };
}

async function startLoad(settings) {
  const child = spawn(process.execPath, [loadProgram], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(settings));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`the load ended with exit code ${code}`);
  return JSON.parse(output);
}

function latencyMetrics(latencies) {
  const metrics = {};
  for (const [endpoint, values] of Object.entries(latencies)) {
    const sorted = Float64Array.from(values).sort();
    metrics[`${endpoint}P50`] = quantile(sorted, 0.5);
    metrics[`${endpoint}P99`] = quantile(sorted, 0.99);
  }
  return metrics;
}
