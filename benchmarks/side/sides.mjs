/** What is compared. Both are loaded by name, as an application would. */
export const modules = { native: 'mongodb', ours: '@mongo-offload/core' };

export async function load(side) {
  return await import(modules[side]);
}

/** A client as an application would make it, with default options but for the number of workers. */
export function clientFor({ MongoClient }, { side, uri, workers }) {
  return new MongoClient(
    uri,
    side === 'ours' && workers !== undefined ? { offload: { workers } } : {},
  );
}

/** Runs `work` with a connected client and its database. */
export async function withClient(job, work) {
  const client = clientFor(await load(job.side), job);
  try {
    await client.connect();
    return await work(client.db(job.database), client);
  } finally {
    await client.close();
  }
}
