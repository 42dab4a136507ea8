import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { source, sourceNotes } from '../measure/main-thread-cpu.mjs';

/** Describes the machine and the versions of a run. */
export async function describeEnvironment(client) {
  const { version } = await client.db('admin').command({ buildInfo: 1 });
  const require = createRequire(import.meta.url);
  const versionOf = (name) =>
    JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')).version;
  return {
    node: process.versions.node,
    driver: versionOf('mongodb'),
    core: versionOf('@mongo-offload/core'),
    mongod: version,
    cores: os.availableParallelism(),
    cpu: os.cpus()[0]?.model ?? 'unknown',
    platform: `${process.platform} ${process.arch}`,
    mainThreadCpu: source,
    loadBefore: os.loadavg()[0],
  };
}

export function environmentText({ node, driver, mongod, cores, cpu, platform, loadBefore }) {
  const lines = [
    `Node ${node}, mongodb ${driver}, mongod ${mongod}; ${cores} cores (${cpu}), ${platform}.`,
    'Each section runs in a fresh process for each side and round, after a warm-up and a garbage collection,',
    'so no side pays for the compiler or the garbage of another.',
    'native: mongodb; naive: mongodb in a worker thread behind Comlink, documents by structured clone;',
    'ours: @mongo-offload/core; floor of toArray(): the same objects built from constants, without a server;',
    'floor of other ways of reading: an idle main thread while a worker thread reads the same bytes.',
    `Main-thread CPU is ${sourceNotes[source]}.`,
  ];
  if (loadBefore > 0.5) {
    lines.push(
      `NOTE: the load average is ${loadBefore.toFixed(1)}: other programs run on this machine, and the figures will be rough.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Returns the line below a picture or a table. */
export function caption({ environment, options }) {
  const { driver, mongod, node, cores } = environment;
  return (
    `Medians of ${options.rounds} rounds. ${cores} cores, Node ${node}, mongodb ${driver}, ` +
    `mongod ${mongod}${options.collection === undefined ? ' on the same machine' : ''}.`
  );
}
