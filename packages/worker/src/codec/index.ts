/** Between BSON and documents, across the thread boundary. format.ts says what a tape is. */
export { BsonWriter, type WriteOptions } from './arguments/bson-writer';
export { encodeModeOf, type DecodeOptions, type EncodeMode } from './tape/format/decode-options';
export {
  TapeDecoder,
  type DocumentReader,
  type TapeDecoderOptions,
  type TapeReader,
} from './tape/decode/decoder';
export { TapeEncoder, type TapeEncoderOptions } from './tape/encode/encoder';
export { decodeFaithful } from './arguments/faithful';
export type { ShapeDefinition, TapeChunk } from './tape/format/format';
export { int32 } from './bson/int32';
export { emptyChunk } from './tape/decode/kept-alive';
export { reencodeRaw } from './bson/reencode';
