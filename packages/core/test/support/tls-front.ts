import { readFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer, type Server } from 'node:tls';

import type { Certificates } from './certificates';

/** Shows a certificate with which no mongod would start, and passes what comes on to one. */
export class TlsFront {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(
    certificates: Certificates,
    certificate: string,
    port: number,
  ): Promise<TlsFront> {
    const pem = readFileSync(certificates.file(`${certificate}.pem`));
    const server = createServer({ key: pem, cert: pem }, (socket) => {
      const behind = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
      socket.pipe(behind).pipe(socket);
      socket.on('error', () => behind.destroy());
      behind.on('error', () => socket.destroy());
    });
    const front = new TlsFront(server);
    server.on('connection', (socket: Socket) => {
      front.#sockets.add(socket);
      socket.on('close', () => front.#sockets.delete(socket));
    });
    // Who does not trust it says so, and goes.
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
