import { MessageChannel, type MessagePort } from 'node:worker_threads';

import {
  CREDENTIAL_CALLBACKS,
  keepThrown,
  packError,
  type CredentialAnswer,
  type CredentialCallback,
  type CredentialRequest,
  type CredentialService,
  type TokenGrant,
} from '@mongo-offload/worker/protocol';
import {
  BSON,
  type AWSCredentialProvider,
  type AWSCredentials,
  type MongoClientOptions,
  type OIDCCallbackFunction,
  type OIDCCallbackParams,
  type OIDCResponse,
} from 'mongodb';

import { untilAborted } from '../../abort';
import { timers } from '../../event-loop';

type Call = Extract<CredentialRequest, { type: 'call' }>;

/** The driver's own pause between two calls of an OIDC callback. */
const THROTTLE_MS = 100;

const TOKEN_PROPERTIES = ['accessToken', 'expiresInSeconds', 'refreshToken'] as const;

/** Returns whether a value of `authMechanismProperties` is a function that this thread calls for the workers. */
export function isCredentialCallback(name: string, value: unknown): boolean {
  return typeof value === 'function' && (CREDENTIAL_CALLBACKS as readonly string[]).includes(name);
}

/**
 * The functions in a client's `authMechanismProperties`. The main thread calls them for every worker that must
 * authenticate. As with one client of the driver, only one call of an OIDC callback runs at a time. Its token serves
 * all connections of all workers until a server refuses it.
 */
export class CredentialCallbacks {
  readonly #callbacks = new Map<CredentialCallback, unknown>();
  readonly #served = new Map<MessagePort, Map<number, AbortController>>();
  #newest: TokenGrant | undefined;
  /** Settles when the latest OIDC call has ended. The next one waits for it. */
  #latestEnd: Promise<void> = Promise.resolve();
  #lastCall = -THROTTLE_MS;

  /** Returns the callbacks in a client's options; undefined if there are none. */
  static of({
    authMechanismProperties: properties,
  }: MongoClientOptions): CredentialCallbacks | undefined {
    if (typeof properties !== 'object' || properties === null) return undefined;
    const own = Object.entries(properties).filter(([name, value]) =>
      isCredentialCallback(name, value),
    ) as [CredentialCallback, unknown][];
    return own.length === 0 ? undefined : new CredentialCallbacks(own);
  }

  private constructor(callbacks: [CredentialCallback, unknown][]) {
    for (const [name, callback] of callbacks) this.#callbacks.set(name, callback);
  }

  /** Offers the callbacks to one more worker. The port closes with the client, or with the worker. */
  serve(): CredentialService {
    const { port1: port, port2: workerPort } = new MessageChannel();
    const calls = new Map<number, AbortController>();
    this.#served.set(port, calls);
    port.on('message', (request: CredentialRequest) => {
      if (request.type === 'abort') calls.get(request.id)?.abort();
      else void this.#answer(port, calls, request);
    });
    port.on('close', () => this.#forget(port));
    // The operation that waits for credentials keeps the process alive. The port must not.
    port.unref();
    return { callbacks: [...this.#callbacks.keys()], port: workerPort, grant: this.#newest };
  }

  /** Aborts all callbacks that are running. Call it when the client closes. */
  close(): void {
    for (const port of [...this.#served.keys()]) {
      this.#forget(port);
      port.close();
    }
  }

  #forget(port: MessagePort): void {
    for (const controller of this.#served.get(port)?.values() ?? []) controller.abort();
    this.#served.delete(port);
  }

  async #answer(port: MessagePort, calls: Map<number, AbortController>, call: Call): Promise<void> {
    const controller = new AbortController();
    calls.set(call.id, controller);
    const { signal } = controller;
    try {
      const value =
        call.callback === 'AWS_CREDENTIAL_PROVIDER'
          ? await this.#awsCredentials()
          : await this.#oneAtATime(async () => await this.#token(port, call, signal), signal);
      post(port, { type: 'result', id: call.id, value });
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const origin = keepThrown(error);
      post(port, { type: 'error', id: call.id, error: packError(error), origin });
    } finally {
      calls.delete(call.id);
    }
  }

  async #awsCredentials(): Promise<Partial<AWSCredentials> | undefined> {
    const provider = this.#callbacks.get('AWS_CREDENTIAL_PROVIDER') as AWSCredentialProvider;
    // Nothing is checked here: the driver in the worker checks the result.
    const given = (await provider()) as Partial<AWSCredentials> | undefined;
    if (given == null) return undefined;
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = given;
    return { accessKeyId, secretAccessKey, sessionToken, expiration };
  }

  /** Runs one piece of work after the other. If one is aborted, the next does not wait for its end. */
  async #oneAtATime<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const earlier = this.#latestEnd;
    const mine = (async () => {
      await earlier;
      signal.throwIfAborted();
      return await work();
    })();
    const ignore = (): void => undefined;
    this.#latestEnd = untilAborted(mine, signal).then(ignore, ignore);
    return await mine;
  }

  async #token(
    port: MessagePort,
    { callback: name, params: bytes, known }: Call,
    signal: AbortSignal,
  ): Promise<unknown> {
    // Another worker has received a token that this worker has not tried.
    if (this.#newest !== undefined && this.#newest.accessToken !== known) {
      const token = { ...this.#newest };
      delete token.idpInfo;
      return token;
    }
    const pauseMS = this.#lastCall + THROTTLE_MS - timers.now();
    if (pauseMS > 0) await timers.delay(pauseMS, undefined, { signal });
    this.#lastCall = timers.now();
    const callback = this.#callbacks.get(name) as OIDCCallbackFunction;
    const params = BSON.deserialize(bytes) as Omit<OIDCCallbackParams, 'timeoutContext'>;
    const response: unknown = await callback({ timeoutContext: signal, ...params });
    const { idpInfo } = params;
    const grant = grantOf(response, idpInfo && new Uint8Array(BSON.serialize(idpInfo)));
    if (grant !== undefined) {
      this.#newest = grant;
      for (const other of this.#served.keys()) {
        if (other !== port) post(other, { type: 'grant', grant });
      }
    }
    return plain(response);
  }
}

function post(port: MessagePort, answer: CredentialAnswer): void {
  port.postMessage(answer);
}

/** Returns a callback's result with all its properties. The driver refuses a result that has unknown ones. */
function plain(response: unknown): unknown {
  if (typeof response !== 'object' || response === null) return null;
  const names = new Set([
    ...Object.getOwnPropertyNames(response),
    ...TOKEN_PROPERTIES.filter((name) => name in response),
  ]);
  const own: Record<string, unknown> = {};
  for (const name of names) {
    const value = (response as Record<string, unknown>)[name];
    own[name] = typeof value === 'string' || typeof value === 'number' ? value : null;
  }
  return own;
}

/** Returns a callback's result as a token, or undefined if the driver will refuse it. */
function grantOf(response: unknown, idpInfo: Uint8Array | undefined): TokenGrant | undefined {
  const own = plain(response) as Partial<OIDCResponse> | null;
  if (own === null || typeof own.accessToken !== 'string' || own.accessToken === '') {
    return undefined;
  }
  const known = TOKEN_PROPERTIES as readonly string[];
  if (!Object.keys(own).every((name) => known.includes(name))) return undefined;
  return { ...(own as OIDCResponse), ...(idpInfo === undefined ? {} : { idpInfo }) };
}
