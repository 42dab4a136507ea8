// @ts-check
import { startMongod } from '@mongo-offload/mongod';

/** Starts the mongod that all test files share. Each test file uses its own database names. */
export default async function globalSetup() {
  const mongod = await startMongod({
    // The server allows fail points, which make it fail on request, only with test commands.
    args: ['--setParameter', 'enableTestCommands=1'],
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  process.env.MONGODB_TEST_URI = mongod.uri;
  globalThis.mongodOfThisRun = mongod;
}
