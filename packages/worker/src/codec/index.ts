/** Converts between BSON and documents across the thread boundary. format.ts describes the tape. */
export { BsonWriter, type WriteOptions } from './arguments';
export { deserializeOptionsOf, encodeModeOf, type DecodeOptions, type EncodeMode } from './tape';
export { TapeDecoder, type DocumentReader, type TapeDecoderOptions, type TapeReader } from './tape';
export { TapeEncoder, type TapeEncoderOptions } from './tape';
export { decodeFaithful } from './arguments';
export type { ShapeDefinition, TapeChunk } from './tape';
export { int32 } from './bson';
export { emptyChunk } from './tape';
export { reencodeRaw } from './bson';
