/** The format of the tape, and the options that decide how it is written and read. */
export {
  type DecodeOptions,
  deserializeOptionsOf,
  encodeModeOf,
  type EncodeMode,
  type Promotion,
  resolvedOptions,
} from './decode-options';
export {
  Header,
  HEADER_BYTES,
  Kind,
  Lazy,
  LAZY_INTS,
  MOST_LAZY,
  NULL_ARRAY,
  NULL_BOOLEAN,
  NULL_STRING,
  RAW_SHAPE,
  REPEATED,
  type ShapeDefinition,
  TAPE_VERSION,
  type TapeChunk,
} from './format';
