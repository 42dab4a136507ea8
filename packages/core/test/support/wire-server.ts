import type { Socket } from 'node:net';

import { BSON, type Document } from 'mongodb';

import { MessageServer } from './message-server';
import { HEADER, HELLO, msg, OP_MSG, reply } from './messages';

/** One connection, and what the answers to its commands depend on. */
export interface WireConnection {
  readonly id: number;
  /** For the handler's own use. */
  readonly state: Document;
}

type Handler = (
  command: Document,
  connection: WireConnection,
) => Document | undefined | Promise<Document | undefined>;

/**
 * A server that knows enough of the wire protocol for a driver to connect and to run commands; the handler answers
 * them. It is a standalone server without TLS.
 */
export class WireServer extends MessageServer {
  readonly #handler: Handler;
  readonly #connections = new Map<Socket, WireConnection>();

  private constructor(handler: Handler) {
    super();
    this.#handler = handler;
  }

  /** @param handler - answers a command; `{ ok: 1 }` is added. If it returns undefined, no answer is sent. */
  static async start(handler: Handler): Promise<WireServer> {
    return await new WireServer(handler).listen();
  }

  protected override received(socket: Socket, message: Buffer): void {
    void this.#answer(socket, message);
  }

  async #answer(socket: Socket, message: Buffer): Promise<void> {
    const request = message.readInt32LE(4);
    const isMsg = message.readInt32LE(12) === OP_MSG;
    const command = isMsg ? commandOf(message) : queryOf(message);
    const isHello = 'hello' in command || 'ismaster' in command;
    const answer = isHello ? { ...HELLO, localTime: new Date(), readOnly: false } : {};
    const handled = await this.#handler(command, this.#connectionOf(socket));
    if (handled === undefined) return;
    const body = BSON.serialize({ ...answer, ...handled, ok: handled.ok ?? 1 });
    if (!socket.destroyed) socket.write(isMsg ? msg(request, body) : reply(request, [body]));
  }

  #connectionOf(socket: Socket): WireConnection {
    let connection = this.#connections.get(socket);
    if (connection === undefined) {
      connection = { id: this.#connections.size + 1, state: {} };
      this.#connections.set(socket, connection);
    }
    return connection;
  }
}

/** Returns the command in an OP_MSG, with the documents that follow it under their name. */
function commandOf(message: Buffer): Document {
  let at = HEADER + 4;
  let command: Document = {};
  const beside: Document = {};
  while (at < message.length) {
    const kind = message[at++];
    const size = message.readInt32LE(at);
    if (kind === 0) {
      command = BSON.deserialize(message.subarray(at, at + size));
    } else {
      const named = message.indexOf(0, at + 4);
      const documents: Document[] = [];
      for (let next = named + 1; next < at + size; next += message.readInt32LE(next)) {
        documents.push(BSON.deserialize(message.subarray(next, next + message.readInt32LE(next))));
      }
      beside[message.toString('utf8', at + 4, named)] = documents;
    }
    at += size;
  }
  return { ...command, ...beside };
}

function queryOf(message: Buffer): Document {
  const at = message.indexOf(0, HEADER + 4) + 1 + 8;
  return BSON.deserialize(message.subarray(at, at + message.readInt32LE(at)));
}
