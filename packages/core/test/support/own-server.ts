import { MongoClient } from 'mongodb';

/** A server of a test file's own. */
export interface OwnServer {
  uri: string;
  /** A client of the driver's, to prepare and to observe. */
  admin: MongoClient;
  stop(): Promise<void>;
}

/**
 * Starts a server of this test file's own, which `uri()` gives from then on: a server has one fail point for
 * all that set it.
 */
export async function ownServer(): Promise<OwnServer> {
  const { startMongod } = await import('@mongo-offload/mongod');
  const mongod = await startMongod({ args: ['--setParameter', 'enableTestCommands=1'] });
  process.env.MONGODB_TEST_URI = mongod.uri;
  const admin = new MongoClient(mongod.uri);
  return {
    uri: mongod.uri,
    admin,
    async stop() {
      await admin.close();
      await mongod.stop();
    },
  };
}
