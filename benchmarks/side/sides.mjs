/** What is compared, in the order of the columns. */
export const titles = {
  native: 'native',
  naive: 'naive',
  ours: 'ours',
  floor: 'floor',
  motor: 'Motor',
  pymongo: 'PyMongo',
};

/** Where a side's `MongoClient` comes from; by name, as an application would load it. */
const modules = {
  native: 'mongodb',
  naive: './naive/client.mjs',
  ours: '@mongo-offload/core',
};

export async function load(side) {
  return await import(modules[side]);
}

/** A client as an application would make it, with default options but for the number of workers. */
export function clientFor({ MongoClient }, { side, uri, workers }, options = {}) {
  if (workers === undefined || side === 'native') return new MongoClient(uri, options);
  return new MongoClient(
    uri,
    side === 'naive' ? { ...options, workers } : { ...options, offload: { workers } },
  );
}
