/** Encodes arguments of calls as BSON on the main thread, and decodes them in the worker. */
export { BsonWriter, type WriteOptions } from './bson-writer';
export { decodeFaithful } from './faithful';
