import {
  deserializeOptionsOf,
  type TapeDecoder,
  type TapeReader,
} from '@mongo-offload/worker/codec';
import {
  ReplyKind,
  reviveValue,
  type EnvelopeValue,
  type ErrorEnvelope,
  type FromWorker,
} from '@mongo-offload/worker/protocol';
import { BSON, type Document } from 'mongodb';

import type { Decoding } from '../../calls';
import { DecodingFailure, Failure } from './failure';
import { WholeResult } from './whole-result';

// Kept apart: another module's exports are read through getters, and these on the hot path.
const Kind = ReplyKind;

/** The results in one message from a worker, in order. */
export class Results {
  readonly #message: FromWorker;
  readonly #decoder: TapeDecoder;
  readonly #bytes: Buffer | undefined;
  #reader: TapeReader | undefined;
  #at = 0;

  constructor(message: FromWorker, decoder: TapeDecoder) {
    this.#message = message;
    this.#decoder = decoder;
    const { bytes } = message;
    this.#bytes = bytes === undefined ? undefined : Buffer.from(bytes);
  }

  /** The next one: a value, an OpenedCursor or WholeResult, a Failure, or a DecodingFailure. */
  next(kind: number, detail: number, decoding: Decoding | undefined): unknown {
    try {
      switch (kind) {
        case Kind.tape:
          return this.#document(decoding);
        case Kind.documents:
          return this.#documents(detail, decoding);
        case Kind.null:
          return null;
        case Kind.undefined:
          return undefined;
        case Kind.value:
          return valueOf(this.#take(detail), decoding);
        case Kind.reply:
          return replyOf(this.#take(detail), decoding);
        case Kind.document:
          return documentOf(this.#take(detail), decoding);
        case Kind.error:
          return new Failure(this.#message.extras![detail] as ErrorEnvelope);
        case Kind.cursor:
          return this.#message.extras![detail];
        case Kind.exact:
          return reviveValue(this.#message.extras![detail] as EnvelopeValue);
        default:
          throw new RangeError(`no reply is of the kind ${kind}`);
      }
    } catch (error) {
      return new DecodingFailure(error as Error);
    }
  }

  #document(decoding: Decoding | undefined): unknown {
    return this.#readerFor(decoding).next();
  }

  #documents(count: number, decoding: Decoding | undefined): WholeResult {
    const documents: (Document | DecodingFailure)[] = [];
    if (count > 0) {
      const reader = this.#readerFor(decoding);
      for (let left = count; left > 0; left--) {
        try {
          documents.push(reader.next());
        } catch (error) {
          documents.push(new DecodingFailure(error as Error));
        }
      }
    }
    return new WholeResult(documents);
  }

  #readerFor(decoding: Decoding | undefined): TapeReader {
    if (this.#reader === undefined) {
      this.#reader = this.#decoder.open(this.#message.tape!, decoding ?? {});
    } else {
      this.#reader.use(decoding ?? {});
    }
    return this.#reader;
  }

  #take(length: number): Buffer {
    const at = this.#at;
    this.#at += length;
    return this.#bytes!.subarray(at, this.#at);
  }
}

/** Returns the options for BSON.deserialize. What `raw` means is the caller's to decide. */
function deserializeOptions(decoding: Decoding | undefined): BSON.DeserializeOptions {
  return decoding === undefined ? {} : { ...deserializeOptionsOf(decoding), raw: false };
}

/** With `raw: true` a document is its bytes, here as in the driver. */
function documentOf(bytes: Buffer, decoding: Decoding | undefined): unknown {
  if (decoding?.raw === true) return bytes;
  return BSON.deserialize(bytes, deserializeOptions(decoding));
}

/** Decodes a server's whole reply as the driver does: with `raw: true` only the documents in it stay bytes. */
function replyOf(bytes: Buffer, decoding: Decoding | undefined): Document {
  const options = deserializeOptions(decoding);
  return BSON.deserialize(bytes, decoding?.raw === true ? { ...options, raw: true } : options);
}

function valueOf(bytes: Buffer, decoding: Decoding | undefined): unknown {
  const [value] = Object.values(replyOf(bytes, decoding)) as unknown[];
  return value;
}
