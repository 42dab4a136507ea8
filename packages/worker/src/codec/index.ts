/** Between BSON and documents, across the thread boundary. format.ts says what a tape is. */
export { BsonWriter, type WriteOptions } from './bson-writer';
export { encodeModeOf, type DecodeOptions, type EncodeMode } from './decode-options';
export {
  TapeDecoder,
  type DocumentReader,
  type TapeDecoderOptions,
  type TapeReader,
} from './decoder';
export { TapeEncoder, type TapeEncoderOptions } from './encoder';
export { decodeFaithful } from './faithful';
export type { ShapeDefinition, TapeChunk } from './format';
export { int32 } from './int32';
export { emptyChunk } from './kept-alive';
export { reencodeRaw } from './reencode';
