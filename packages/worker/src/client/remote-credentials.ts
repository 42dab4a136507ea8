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

/** What the driver gives an OIDC callback; that for AWS gets nothing. */
interface CallbackParams extends Document {
  timeoutContext?: AbortSignal;
}

type Callback = (params?: CallbackParams) => Promise<unknown>;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/**
 * The credential callbacks of one client of the application, as this worker's clients call them:
 * each asks the main thread, where the application's function is.
 *
 * A token that one worker was given is good for all. The main thread tells it, and it goes into the
 * driver's cache here, so that the driver's own rules hold over all workers as over one client's
 * connections: the callback is called where there is no token, or where the server refused it.
 */
export class RemoteCredentials {
  readonly #service: CredentialService;
  readonly #waiting = new Map<number, Waiting>();
  /** The newest access token that this worker has had. */
  #known: string | undefined;
  #next = 1;
  #closed = false;
  /** Of this worker's first client: all its clients authenticate by the same. */
  #providers: AuthProviders | undefined;
  #cache: TokenCache | undefined;

  constructor(service: CredentialService) {
    this.#service = service;
    service.port.on('message', (answer: CredentialAnswer) => this.#receive(answer));
    service.port.on('close', () => this.#close());
    // The lane decides how long this thread lives.
    service.port.unref();
  }

  /** `authMechanismProperties` with functions in it again. */
  complete(properties: Document | undefined): Document {
    const complete: Document = { ...properties };
    for (const name of this.#service.callbacks) {
      const callback: Callback = async (params) => await this.#ask(name, params);
      complete[name] = callback;
    }
    return complete;
  }

  /** Lets a client that was made with these callbacks share the tokens of this worker's others. */
  share(client: MongoClient): void {
    const { s, options } = clientInternals(client);
    if (this.#providers !== undefined) {
      s.authProviders = this.#providers;
      return;
    }
    this.#providers = s.authProviders;
    const { credentials } = options;
    if (credentials?.mechanism !== 'MONGODB-OIDC') return;
    // A driver that keeps its tokens elsewhere calls the callback once more for each worker.
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
      // A callback that goes on all the same holds up nobody here.
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
