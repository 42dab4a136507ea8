import { BSON, type Binary, type Document } from 'mongodb';

import { WireServer, type WireConnection } from './wire-server';

export const IDP_INFO = {
  issuer: 'https://issuer.example/',
  clientId: 'a-client',
  requestScopes: ['mail', 'profile'],
};

/** A server that demands MONGODB-OIDC, as far as a driver can tell; it has one document. */
export class OidcServer {
  readonly #valid = new Set<string>();
  #server!: WireServer;
  /** The access tokens that were shown to it, in order. */
  readonly shown: string[] = [];
  /** Connections that have authenticated. */
  readonly authenticated = new Set<number>();

  static async start(): Promise<OidcServer> {
    const server = new OidcServer();
    server.#server = await WireServer.start((command, connection) =>
      server.#answer(command, connection),
    );
    return server;
  }

  get port(): number {
    return this.#server.port;
  }

  url(user = ''): string {
    return `mongodb://${user}127.0.0.1:${this.port}/?directConnection=true&authMechanism=MONGODB-OIDC`;
  }

  /** From now on, this token authenticates. */
  accept(token: string): string {
    this.#valid.add(token);
    return token;
  }

  /** From now on, this one does not; a connection that used it must authenticate anew. */
  expire(token: string): void {
    this.#valid.delete(token);
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  #answer(command: Document, connection: WireConnection): Document {
    const [name] = Object.keys(command);
    switch (name) {
      case 'hello':
      case 'ismaster': {
        const { speculativeAuthenticate: early } = command as {
          speculativeAuthenticate?: Document;
        };
        if (early === undefined) return {};
        const answer = this.#sasl(early, connection);
        return answer.ok === 0 ? {} : { speculativeAuthenticate: answer };
      }
      case 'saslStart':
      case 'saslContinue':
        return this.#sasl(command, connection);
      default:
        return this.#command(name, command, connection);
    }
  }

  #sasl(command: Document, { id, state }: WireConnection): Document {
    const { jwt } = BSON.deserialize((command.payload as Binary).buffer) as { jwt?: string };
    if (jwt === undefined) {
      return { conversationId: 1, done: false, payload: BSON.serialize(IDP_INFO) };
    }
    this.shown.push(jwt);
    if (!this.#valid.has(jwt)) {
      return {
        ok: 0,
        code: 18,
        codeName: 'AuthenticationFailed',
        errmsg: 'Authentication failed.',
      };
    }
    state.token = jwt;
    this.authenticated.add(id);
    return { conversationId: 1, done: true, payload: Buffer.alloc(0) };
  }

  #command(name: string, { $db, find }: Document, { state }: WireConnection): Document {
    if (state.token === undefined) {
      return { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: `${name} needs authentication` };
    }
    if (!this.#valid.has(state.token as string)) {
      return { ok: 0, code: 391, codeName: 'ReauthenticationRequired', errmsg: 'expired' };
    }
    if (name !== 'find') return {};
    return { cursor: { id: 0n, ns: `${$db}.${find}`, firstBatch: [{ _id: 1 }] } };
  }
}
