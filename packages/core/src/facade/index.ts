export * from './admin';
export * from './client';
export { Collection } from './collection';
export * from './db';
export type { WaitUntilReadyOptions } from './wait-until-ready';
