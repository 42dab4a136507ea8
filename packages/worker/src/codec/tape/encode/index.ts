/** From BSON to a tape, in the worker. */
export { TapeEncoder, type TapeEncoderOptions } from './encoder';
