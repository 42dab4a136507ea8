/** Arguments of calls as BSON, written on the main thread and decoded in the worker. */
export { BsonWriter, type WriteOptions } from './bson-writer';
export { decodeFaithful } from './faithful';
