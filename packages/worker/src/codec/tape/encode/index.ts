/** Encodes BSON into tape, in the worker. */
export { TapeEncoder, type TapeEncoderOptions } from './encoder';
