/** The parts of BSON that both the tape and the arguments use. */
export { int32 } from './int32';
export { makeFunction, mayCompile } from './made-function';
export { copyObjectId, readObjectId, readsInPlace } from './object-id';
export { reencodeRaw } from './reencode';
