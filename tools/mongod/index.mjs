// @ts-check
export { findMongod, NoMongodError } from './src/find-mongod.mjs';
export { startMongod } from './src/start-mongod.mjs';
export { startReplicaSet } from './src/start-replica-set.mjs';
