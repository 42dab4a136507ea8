import type { RunningMongod } from '@mongo-offload/mongod' with { 'resolution-mode': 'import' };

/**
 * A server of this test file's own, which `uri()` gives from then on: a server has one fail point for
 * all that set it.
 */
export async function ownServer(): Promise<RunningMongod> {
  const { startMongod } = await import('@mongo-offload/mongod');
  const mongod = await startMongod({ args: ['--setParameter', 'enableTestCommands=1'] });
  process.env.MONGODB_TEST_URI = mongod.uri;
  return mongod;
}
