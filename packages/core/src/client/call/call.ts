import { OPERATIONS, type CursorKind, type OperationName } from '@mongo-offload/worker/protocol';

import type { EncodedCall, Decoding } from '../../calls';
import type { OperationContext } from '../../tracing';
import type { SessionLink } from './session-link';
import type { TargetRef } from './targets';

/**
 * How `maxInFlight` treats a call that does not simply count. `uncounted`: it never waits, because others may wait for
 * its transaction's locks. `background`: in addition, closing the client does not wait for it.
 */
export type Exemption = 'uncounted' | 'background';

/** One call, ready to be sent. */
export interface Call {
  name: OperationName;
  target: TargetRef;
  /** A promise where encoding them takes several slices: what is called behind this call on its namespace waits. */
  args: EncodedCall | Promise<EncodedCall>;
  /** Of CallFlag; what follows from the call's signal is added. */
  flags?: number;
  decoding?: Decoding;
  signal?: AbortSignal;
  /** The session that the call belongs to. */
  session?: SessionLink;
  /** The operation writes, though others of its name only read. */
  writes?: boolean;
  /**
   * Where what is called behind this goes to the same worker: a namespace. Default: that of its
   * target, for a write.
   */
  order?: string;
  /** Of a call that opens a cursor: which kind, for whoever is told of operations. */
  cursor?: CursorKind;
  /** What is told of it; there where someone listens. */
  context?: OperationContext;
  /** Default: it counts for the bound on operations under way. */
  exemption?: Exemption;
}

export function isWrite({ name, writes }: Call): boolean {
  return writes ?? OPERATIONS[name].effect === 'write';
}
