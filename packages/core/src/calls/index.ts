export { encodeArguments, encodeListArguments, LOOKED_INTO } from './arguments';
export { type CallParts, encodeCall } from './encode';
export { documentList, type List } from './encode-list';
export { EncodedCall } from './encoded-call';
export {
  crossingOptions,
  decoding,
  errorDecoding,
  type Decoding,
  mayBeBytes,
  type OpenOptions,
  tapeFlags,
  withoutOurs,
} from './options';
