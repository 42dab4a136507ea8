import type { MessagePort, TransferListItem } from 'node:worker_threads';

import { BSON } from 'mongodb';

import type { EncodeMode, TapeEncoder } from '../codec';
import { writeAll, type RawDocuments } from '../cursor';
import { survivesBson, packError, packValue } from '../errors';
import { EventOutbox } from '../events';
import type { Outcome } from '../operations';
import {
  ReplyKind,
  type EventMark,
  type FromWorker,
  type OpenedCursor,
  type ServerSessionState,
} from '../protocol';

/** How a call's result travels. */
export interface ResultForm {
  /** How a document goes on the tape; `raw`, the default, sends its bytes instead. */
  mode?: EncodeMode;
  /** A value keeps the types that the driver gave it. */
  exact?: boolean;
}

/**
 * Gathers the replies of one turn of the worker's event loop, and sends them in one message. The message leaves in the
 * check phase, right after the callbacks of the sockets that received the results. So a single result does not wait for
 * others.
 */
export class Replies {
  /** Events leave with the replies, and before them. */
  readonly events = new EventOutbox(() => this.#schedule());
  readonly #port: MessagePort;
  readonly #encoder: TapeEncoder;
  /** The key under which the encoder keeps what it has sent on the lane's port. */
  readonly #channel = {};
  #replies: number[] = [];
  /** Documents for the tape. They are written when the message leaves, so that cursors may use the encoder before. */
  #documents: (Uint8Array | RawDocuments)[] = [];
  #modes: EncodeMode[] = [];
  #parts: Uint8Array[] = [];
  #length = 0;
  #extras: NonNullable<FromWorker['extras']> = [];
  #transfer: TransferListItem[] = [];
  #sessions = new Map<number, Uint8Array>();
  #serverSessions: NonNullable<FromWorker['serverSessions']> = [];
  #scheduled = false;

  constructor(port: MessagePort, encoder: TapeEncoder) {
    this.#port = port;
    this.#encoder = encoder;
  }

  outcome(call: number, outcome: Outcome, { mode = 'raw', exact }: ResultForm = {}): void {
    switch (outcome.kind) {
      case 'done':
        return this.#add(call, ReplyKind.undefined, 0);
      case 'value':
        if (outcome.value === null) return this.#add(call, ReplyKind.null, 0);
        if (outcome.value === undefined) return this.#add(call, ReplyKind.undefined, 0);
        if (exact === true || !survivesBson(outcome.value)) {
          this.#extras.push(packValue(outcome.value));
          return this.#add(call, ReplyKind.exact, this.#extras.length - 1);
        }
        return this.#bytes(call, ReplyKind.value, BSON.serialize({ v: outcome.value }));
      case 'raw':
        return this.#bytes(call, outcome.whole ? ReplyKind.reply : ReplyKind.value, outcome.bytes);
      case 'document':
        if (outcome.bytes === null) return this.#add(call, ReplyKind.null, 0);
        if (mode === 'raw') return this.#bytes(call, ReplyKind.document, outcome.bytes);
        this.#documents.push(outcome.bytes);
        this.#modes.push(mode);
        return this.#add(call, ReplyKind.tape, 0);
      default:
        return outcome satisfies never;
    }
  }

  /** @param rawDocuments - the operation ran with `raw: true` */
  error(call: number, thrown: unknown, rawDocuments = false): void {
    this.#extras.push(packError(thrown, rawDocuments));
    this.#add(call, ReplyKind.error, this.#extras.length - 1);
  }

  /** Replies with all documents of a cursor. */
  documents(call: number, documents: RawDocuments): void {
    if (documents.length > 0) {
      this.#documents.push(documents);
      this.#modes.push('tape');
    }
    this.#add(call, ReplyKind.documents, documents.length);
  }

  cursor(call: number, opened: OpenedCursor, transfer: TransferListItem[]): void {
    this.#extras.push(opened);
    this.#transfer.push(...transfer);
    this.#add(call, ReplyKind.cursor, this.#extras.length - 1);
  }

  /** Sends the state of a session together with the reply that used it. */
  session(state: { id: number; snapshot: Uint8Array } | undefined): void {
    if (state !== undefined) this.#sessions.set(state.id, state.snapshot);
  }

  /** Returns a server session to the main thread with the next replies. */
  serverSession(client: number, session: ServerSessionState): void {
    this.#serverSessions.push({ client, session });
  }

  /** Returns the mark for a reply on another port, which must arrive after all events up to now. */
  mark(): EventMark {
    if (this.events.pending) this.flush();
    return this.events.mark;
  }

  #bytes(call: number, kind: number, bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    this.#add(call, kind, bytes.length);
  }

  #add(call: number, kind: number, detail: number): void {
    this.#replies.push(call, kind, detail);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#replies.length === 0 && !this.events.pending) return;
    const message: FromWorker = { replies: this.#replies };
    const transfer = this.#transfer;
    if (this.events.pending) {
      message.events = this.events.take();
      transfer.push(message.events.bytes);
    }
    if (this.#documents.length > 0) {
      this.#documents.forEach((documents, at) => {
        const mode = this.#modes[at];
        if (!(documents instanceof Uint8Array)) writeAll(documents, this.#encoder, mode);
        else this.#encoder.write(documents, 0, documents.length, mode);
      });
      message.tape = this.#encoder.take(this.#channel);
      transfer.push(message.tape.buffer);
    }
    if (this.#length > 0) {
      const bytes = new Uint8Array(this.#length);
      let at = 0;
      for (const part of this.#parts) {
        bytes.set(part, at);
        at += part.length;
      }
      message.bytes = bytes.buffer;
      transfer.push(bytes.buffer);
    }
    if (this.#extras.length > 0) message.extras = this.#extras;
    if (this.#sessions.size > 0) {
      message.sessions = [...this.#sessions].map(([id, snapshot]) => ({ id, snapshot }));
      this.#sessions.clear();
    }
    if (this.#serverSessions.length > 0) {
      message.serverSessions = this.#serverSessions;
      this.#serverSessions = [];
    }
    this.#replies = [];
    this.#documents = [];
    this.#modes = [];
    this.#parts = [];
    this.#length = 0;
    this.#extras = [];
    this.#transfer = [];
    this.#port.postMessage(message, transfer);
  }
}
