import { OPERATIONS, type CursorKind, type OperationName } from '@mongo-offload/worker/protocol';

import type { EncodedCall, Decoding } from '../../calls';
import type { OperationContext } from '../../tracing';
import type { SessionLink } from './session-link';
import type { TargetRef } from './targets';

/**
 * How a call escapes `maxInFlight`. `uncounted`: it never waits, because others may wait for the locks of its
 * transaction. `background`: in addition, `close()` does not wait for it.
 */
export type Exemption = 'uncounted' | 'background';

/** One call, ready to be sent. */
export interface Call {
  name: OperationName;
  target: TargetRef;
  /** A promise if encoding takes several slices. Later calls on the namespace then wait until this one has been sent. */
  args: EncodedCall | Promise<EncodedCall>;
  /** CallFlags, without the one that is added if the call has a signal. */
  flags?: number;
  decoding?: Decoding;
  signal?: AbortSignal;
  /** The session that the call belongs to. */
  session?: SessionLink;
  /** Set if the operation writes although others of its name only read. */
  writes?: boolean;
  /**
   * A namespace: later calls on it go to the same worker. Default: the namespace of its
   * target, for a write.
   */
  order?: string;
  /** The kind of cursor that the call opens, for the operation channel. */
  cursor?: CursorKind;
  /** What the operation channel reports of it, if it has subscribers. */
  context?: OperationContext;
  /** Default: the call counts towards `maxInFlight`. */
  exemption?: Exemption;
}

export function isWrite({ name, writes }: Call): boolean {
  return writes ?? OPERATIONS[name].effect === 'write';
}
