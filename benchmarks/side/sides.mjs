/** The sides, in the order of the columns. */
export const titles = {
  native: 'native',
  naive: 'naive',
  ours: 'ours',
  floor: 'floor',
  motor: 'Motor',
  pymongo: 'PyMongo',
};

/** The module of each side's `MongoClient`, by the name that an application would import. */
const modules = {
  native: 'mongodb',
  naive: './naive/client.mjs',
  ours: '@mongo-offload/core',
};

export async function load(side) {
  return await import(modules[side]);
}

/** Makes a client with default options, except for the number of workers. */
export function clientFor({ MongoClient }, { side, uri, workers }, options = {}) {
  if (workers === undefined || side === 'native') return new MongoClient(uri, options);
  return new MongoClient(
    uri,
    side === 'naive' ? { ...options, workers } : { ...options, offload: { workers } },
  );
}
