import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';

import * as native from 'mongodb';

import type { Certificates } from './certificates';

/** A mongod that demands TLS and authentication: by its root's password, or by a certificate. */
export class TlsMongod {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  /**
   * @param certificate - the name of the server's
   * @param password - of `root`, who may do everything
   */
  static async start(
    certificates: Certificates,
    certificate: string,
    password: string,
  ): Promise<TlsMongod> {
    const env = { ...process.env };
    delete env.MONGODB_URI;
    // An ES module, which the type checker lets a CommonJS one only import so.
    const { findMongod } = await import('@mongo-offload/mongod');
    const found = await findMongod({ env });
    if (!('binary' in found)) throw new Error('this test starts a mongod of its own');
    const port = await freePort();
    const data = certificates.file(`data-${certificate}`);
    mkdirSync(data);
    const files = [
      ...['--tlsMode', 'requireTLS', '--tlsCertificateKeyFile'],
      ...[certificates.file(`${certificate}.pem`), '--tlsCAFile', certificates.file('ca.crt')],
    ];
    const child = spawn(
      found.binary,
      [
        ...['--port', String(port), '--bind_ip', '127.0.0.1', '--dbpath', data, '--auth', ...files],
        ...['--tlsAllowConnectionsWithoutCertificates', '--networkMessageCompressors', 'zlib'],
      ],
      { stdio: 'ignore' },
    );
    const server = new TlsMongod(child, port);
    const first = new native.MongoClient(server.url(), {
      tls: true,
      tlsAllowInvalidCertificates: true,
      serverSelectionTimeoutMS: 20_000,
    });
    await first.db('admin').command({ createUser: 'root', pwd: password, roles: ['root'] });
    await first.close();
    return server;
  }

  /**
   * @param user - `name:password@`, percent-encoded
   * @param port - of what stands before it
   */
  url({ host = 'localhost', user = '', port = this.port } = {}): string {
    return `mongodb://${user}${host}:${port}/?serverSelectionTimeoutMS=2000`;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await gone;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}
