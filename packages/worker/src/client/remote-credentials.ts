import { BSON, MongoClientClosedError, type Document, type MongoClient } from 'mongodb';

import { clientInternals, type AuthProviders, type TokenCache } from '../driver';
import { standsFor, reviveError } from '../errors';
import type {
  CredentialAnswer,
  CredentialCallback,
  CredentialRequest,
  CredentialService,
  TokenGrant,
} from '../protocol';

/** The argument of an OIDC callback. A callback for AWS gets none. */
interface CallbackParams extends Document {
  timeoutContext?: AbortSignal;
}

type Callback = (params?: CallbackParams) => Promise<unknown>;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/**
 * The credential callbacks of one client of the application, for this worker's clients. Each callback asks the main
 * thread, which has the application's function.
 *
 * All workers share a token. The main thread sends it, and the worker adds it to the driver's cache. So the driver's
 * rules apply across workers as across one client's connections: it calls the callback if there is no token, or if the
 * server has refused it.
 */
export class RemoteCredentials {
  readonly #service: CredentialService;
  readonly #waiting = new Map<number, Waiting>();
  /** The newest access token that this worker has received. */
  #known: string | undefined;
  #next = 1;
  #closed = false;
  /** The providers of this worker's first client, which all its clients share. */
  #providers: AuthProviders | undefined;
  #cache: TokenCache | undefined;

  constructor(service: CredentialService) {
    this.#service = service;
    service.port.on('message', (answer: CredentialAnswer) => this.#receive(answer));
    service.port.on('close', () => this.#close());
    // The lane decides how long this thread lives.
    service.port.unref();
  }

  /** Returns `authMechanismProperties` with its functions added. */
  complete(properties: Document | undefined): Document {
    const complete: Document = { ...properties };
    for (const name of this.#service.callbacks) {
      const callback: Callback = async (params) => await this.#ask(name, params);
      complete[name] = callback;
    }
    return complete;
  }

  /** Makes a new client share the tokens of this worker's other clients. */
  share(client: MongoClient): void {
    const { s, options } = clientInternals(client);
    if (this.#providers !== undefined) {
      s.authProviders = this.#providers;
      return;
    }
    this.#providers = s.authProviders;
    const { credentials } = options;
    if (credentials?.mechanism !== 'MONGODB-OIDC') return;
    // Without a cache here (another driver version), each worker calls the callback once more.
    this.#cache = this.#providers?.getOrCreateProvider(
      credentials.mechanism,
      credentials.mechanismProperties,
    ).workflow?.cache;
    if (this.#service.grant !== undefined) this.#take(this.#service.grant);
  }

  async #ask(callback: CredentialCallback, given: CallbackParams = {}): Promise<unknown> {
    if (this.#closed) throw new MongoClientClosedError();
    const { timeoutContext, ...params } = given;
    const id = this.#next++;
    const bytes = new Uint8Array(BSON.serialize(params));
    this.#post({ type: 'call', id, callback, params: bytes, known: this.#known });
    const onAbort = (): void => {
      this.#post({ type: 'abort', id });
      // The worker does not wait for a callback that ignores its signal.
      this.#waiting.get(id)?.reject(timeoutContext?.reason as Error);
    };
    timeoutContext?.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
      });
    } finally {
      this.#waiting.delete(id);
      timeoutContext?.removeEventListener('abort', onAbort);
    }
  }

  #receive(answer: CredentialAnswer): void {
    switch (answer.type) {
      case 'result': {
        const { accessToken } = (answer.value ?? {}) as Partial<TokenGrant>;
        if (accessToken !== undefined) this.#known = accessToken;
        return this.#waiting.get(answer.id)?.resolve(answer.value);
      }
      case 'error': {
        const error = standsFor(reviveError(answer.error), answer.origin);
        return this.#waiting.get(answer.id)?.reject(error);
      }
      case 'grant':
        return this.#take(answer.grant);
      default:
        return answer satisfies never;
    }
  }

  #take({ idpInfo, ...token }: TokenGrant): void {
    if (this.#cache === undefined) return;
    this.#known = token.accessToken;
    this.#cache.put(token, idpInfo === undefined ? undefined : BSON.deserialize(idpInfo));
  }

  #post(request: CredentialRequest): void {
    this.#service.port.postMessage(request);
  }

  #close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(new MongoClientClosedError());
  }
}
