import type { MessagePort } from 'node:worker_threads';

import type { ErrorEnvelope } from '../errors';

/** The functions of `authMechanismProperties` that a worker's client has called on the main thread. */
export const CREDENTIAL_CALLBACKS = [
  'OIDC_CALLBACK',
  'OIDC_HUMAN_CALLBACK',
  'AWS_CREDENTIAL_PROVIDER',
] as const;

export type CredentialCallback = (typeof CREDENTIAL_CALLBACKS)[number];

/** How a worker's client reaches its credential callbacks. Travels with the client's definition. */
export interface CredentialService {
  callbacks: CredentialCallback[];
  /**
   * Carries CredentialRequest to the main thread and CredentialAnswer back. The main thread closes
   * it with the client; that rejects what is still asked.
   */
  port: MessagePort;
  /** The newest token of the client, where another worker has asked for one already. */
  grant?: TokenGrant;
}

/** What an OIDC callback gave. */
export interface TokenGrant {
  accessToken: string;
  expiresInSeconds?: number;
  refreshToken?: string;
  /** What the server said of the identity provider, as BSON; of the human flow only. */
  idpInfo?: Uint8Array;
}

export type CredentialRequest =
  | {
      type: 'call';
      id: number;
      callback: CredentialCallback;
      /** What the driver gives the callback, but for its signal, as BSON. */
      params: Uint8Array;
      /** The newest token that this worker has had: another one need not be asked for, but this is used up. */
      known: string | undefined;
    }
  /** The driver waits no longer for this call: its signal is to be aborted. */
  | { type: 'abort'; id: number };

export type CredentialAnswer =
  | { type: 'result'; id: number; value: unknown }
  /** @param origin - under which the main thread keeps the error itself: see `keepThrown` */
  | { type: 'error'; id: number; error: ErrorEnvelope; origin: number }
  /** Another worker has asked for a token, and this is the newest now. */
  | { type: 'grant'; grant: TokenGrant };
