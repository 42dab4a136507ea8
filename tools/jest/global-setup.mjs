// @ts-check
import { startMongod } from '@mongo-offload/mongod';

/** Starts the one mongod that all test files share; each uses database names of its own. */
export default async function globalSetup() {
  const mongod = await startMongod({
    // Fail points, which make the server fail on request, are a test command.
    args: ['--setParameter', 'enableTestCommands=1'],
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  process.env.MONGODB_TEST_URI = mongod.uri;
  globalThis.mongodOfThisRun = mongod;
}
