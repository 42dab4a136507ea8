export { Admin } from './admin';
export { MongoClient, type OffloadMongoClientOptions } from './client';
export { Collection } from './collection';
export { Db } from './db';
export type { WaitUntilReadyOptions } from './wait-until-ready';
