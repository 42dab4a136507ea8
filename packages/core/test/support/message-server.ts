import { createServer, type AddressInfo, type Socket } from 'node:net';

import { HEADER } from './messages';

/** A server on a port of its own, which cuts what it receives into messages of the wire protocol. */
export abstract class MessageServer {
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets = new Set<Socket>();

  /** Called with each whole message. */
  protected abstract received(socket: Socket, message: Buffer): void;

  protected async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
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
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let bytes: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= HEADER && bytes.length >= bytes.readInt32LE(0)) {
        const length = bytes.readInt32LE(0);
        this.received(socket, bytes.subarray(0, length));
        bytes = bytes.subarray(length);
      }
    });
  }
}
