import type {
  CredentialService,
  ForwardedEvent,
  LogSettings,
  NameResolution,
} from '@mongo-offload/worker/protocol';
import type { DriverInfo } from 'mongodb';

/** The definition of a client that a worker receives. */
export interface ClientDefinition {
  url: string;
  options: Record<string, unknown>;
  log: LogSettings | undefined;
  credentials: CredentialService | undefined;
  /** What was appended to its handshake since it was made. */
  appended: DriverInfo[];
  names: NameResolution;
  /** The main thread's `process.env`, as it is now. */
  env: Record<string, string>;
  /** The events that someone listens to. */
  events: readonly ForwardedEvent[];
}
