import type { OpenedCursor } from '@mongo-offload/worker/protocol';
import { errorDecoding, type EncodedCall } from '../../calls';
import { revived, WorkerLostError } from '../../errors';
import { DecodingFailure, Failure, type Lane, isForbidden } from '../../pool';
import { isWrite, type Call } from '../call';

/**
 * Largest number of workers that may die while they run an operation, because the operation may be the cause. Workers
 * that die before they begin it are counted separately, up to the same number.
 */
const MOST_DEATHS = 5;

/** Returns whether the worker that had a call is gone. */
export function isLost(result: unknown): result is Failure {
  return result instanceof Failure && result.envelope === undefined;
}

/** Decides whether a call may run again, each time that its worker is gone. */
export class Tries {
  readonly #call: Call;
  readonly #args: EncodedCall;
  #begun = 0;
  #notBegun = 0;

  constructor(call: Call, args: EncodedCall) {
    this.#call = call;
    this.#args = args;
  }

  /** @throws the WorkerLostError of the call's session, if the session is lost with its worker */
  mayRunAgain({ begun, cause }: Failure): boolean {
    const { name, session } = this.#call;
    const writes = isWrite(this.#call);
    if (session !== undefined) {
      const ofOperation = !name.startsWith('session.');
      if (ofOperation && (!writes || session.inTransaction)) throw session.lost();
      return false;
    }
    if (isForbidden(cause)) return false;
    // Reads may always run again. Writes may, unless the worker had begun them or their buffers were transferred to it.
    if (writes && (begun || this.#args.isGone)) return false;
    return (begun ? ++this.#begun : ++this.#notBegun) < MOST_DEATHS;
  }
}

/** Returns a call's result, or throws its error. The error is made here, so that its stack shows the caller. */
export function resultOf(call: Call, lane: Lane, result: unknown): unknown {
  if (result instanceof DecodingFailure) throw result.error;
  if (!(result instanceof Failure)) return result;
  if (result.envelope !== undefined) {
    throw revived(result.envelope, errorDecoding(call.decoding));
  }
  const { begun, cause } = result;
  throw new WorkerLostError(call.name, {
    write: isWrite(call) && begun,
    cause,
    notStarted: !lane.started,
  });
}

/** Closes the port of a cursor that nobody will read. The worker then closes the cursor. */
export function closeOpened(result: unknown): void {
  (result as Partial<OpenedCursor>).port?.close();
}
