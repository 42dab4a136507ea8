/** Decodes tape into documents, on the main thread. */
export {
  TapeDecoder,
  type DocumentReader,
  type TapeDecoderOptions,
  type TapeReader,
} from './decoder';
export { emptyChunk, objectsLike } from './kept-alive';
