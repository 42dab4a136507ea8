/** The tape: the format in which results cross. `format/format.ts` describes it. */
export {
  emptyChunk,
  objectsLike,
  TapeDecoder,
  type DocumentReader,
  type TapeDecoderOptions,
  type TapeReader,
} from './decode';
export { TapeEncoder, type TapeEncoderOptions } from './encode';
export {
  deserializeOptionsOf,
  encodeModeOf,
  type DecodeOptions,
  type EncodeMode,
  type ShapeDefinition,
  type TapeChunk,
} from './format';
