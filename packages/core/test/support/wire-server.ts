import { createServer, type AddressInfo, type Socket } from 'node:net';

import { BSON, type Document } from 'mongodb';

const OP_REPLY = 1;
const OP_MSG = 2013;
const HEADER = 16;

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
 * A server of its own that speaks the wire protocol as far as a driver needs it to connect and to run
 * commands; the handler answers them. It is a standalone that asks for no TLS.
 */
export class WireServer {
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();
  readonly #handler: Handler;
  #connections = 0;

  private constructor(handler: Handler) {
    this.#handler = handler;
  }

  /** @param handler - answers a command; `{ ok: 1 }` is added; undefined: no answer comes */
  static async start(handler: Handler): Promise<WireServer> {
    const server = new WireServer(handler);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `mongodb://127.0.0.1:${this.port}/?directConnection=true`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    const connection: WireConnection = { id: ++this.#connections, state: {} };
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let bytes: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= HEADER && bytes.length >= bytes.readInt32LE(0)) {
        const length = bytes.readInt32LE(0);
        void this.#message(socket, connection, bytes.subarray(0, length));
        bytes = bytes.subarray(length);
      }
    });
  }

  async #message(socket: Socket, connection: WireConnection, message: Buffer): Promise<void> {
    const request = message.readInt32LE(4);
    const operation = message.readInt32LE(12);
    const command = operation === OP_MSG ? commandOf(message) : queryOf(message);
    const answer = 'hello' in command || 'ismaster' in command ? hello() : {};
    const handled = await this.#handler(command, connection);
    if (handled === undefined) return;
    const body = BSON.serialize({ ...answer, ...handled, ok: handled.ok ?? 1 });
    if (!socket.destroyed) {
      socket.write(operation === OP_MSG ? msg(request, body) : reply(request, body));
    }
  }
}

function hello(): Document {
  return {
    isWritablePrimary: true,
    ismaster: true,
    helloOk: true,
    maxBsonObjectSize: 16 * 1024 * 1024,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    localTime: new Date(),
    minWireVersion: 0,
    maxWireVersion: 21,
    readOnly: false,
  };
}

/** The one document of an OP_MSG; documents beside it are joined to it under their name. */
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

function framed(request: number, operation: number, parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(HEADER);
  header.writeInt32LE(HEADER + body.length, 0);
  header.writeInt32LE(request, 8);
  header.writeInt32LE(operation, 12);
  return Buffer.concat([header, body]);
}

function msg(request: number, body: Uint8Array): Buffer {
  return framed(request, OP_MSG, [Buffer.alloc(5), body]);
}

function reply(request: number, body: Uint8Array): Buffer {
  const fields = Buffer.alloc(20);
  fields.writeInt32LE(1, 16);
  return framed(request, OP_REPLY, [fields, body]);
}
