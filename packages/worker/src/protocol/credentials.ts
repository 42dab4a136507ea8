import type { MessagePort } from 'node:worker_threads';

import type { ErrorEnvelope } from '../errors';

/**
 * The names of the callbacks in `authMechanismProperties`. They are the application's functions, so they run on the
 * main thread.
 */
export const CREDENTIAL_CALLBACKS = [
  'OIDC_CALLBACK',
  'OIDC_HUMAN_CALLBACK',
  'AWS_CREDENTIAL_PROVIDER',
] as const;

export type CredentialCallback = (typeof CREDENTIAL_CALLBACKS)[number];

/**
 * Connects a worker's client to its credential callbacks on the main thread. It travels with the client's definition.
 */
export interface CredentialService {
  callbacks: CredentialCallback[];
  /**
   * Carries CredentialRequest to the main thread and CredentialAnswer back. The main thread closes the port together
   * with the client. Then all pending requests reject.
   */
  port: MessagePort;
  /** The client's newest token, if another worker has already requested one. */
  grant?: TokenGrant;
}

/** The result of an OIDC callback. */
export interface TokenGrant {
  accessToken: string;
  expiresInSeconds?: number;
  refreshToken?: string;
  /** What the server sent about the identity provider, as BSON. Only the human flow has it. */
  idpInfo?: Uint8Array;
}

export type CredentialRequest =
  | {
      type: 'call';
      id: number;
      callback: CredentialCallback;
      /** The driver's argument for the callback, without its signal, as BSON. */
      params: Uint8Array;
      /**
       * The newest token that this worker has received. The main thread answers with a newer one, if it has one,
       * instead of calling the callback.
       */
      known: string | undefined;
    }
  /** The driver no longer waits for this call. The main thread aborts the call's signal. */
  | { type: 'abort'; id: number };

export type CredentialAnswer =
  | { type: 'result'; id: number; value: unknown }
  /** `origin` is the number under which the main thread keeps the error itself: see `keepThrown`. */
  | { type: 'error'; id: number; error: ErrorEnvelope; origin: number }
  /** Another worker has requested this token, which is now the newest. */
  | { type: 'grant'; grant: TokenGrant };
