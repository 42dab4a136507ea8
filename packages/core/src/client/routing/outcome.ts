import type { OpenedCursor } from '@mongo-offload/worker/protocol';
import { errorDecoding, type EncodedCall } from '../../calls';
import { revived, WorkerLostError } from '../../errors';
import { DecodingFailure, Failure, type Lane, isForbidden } from '../../pool';
import { isWrite, type Call } from '../call';

/**
 * On how many workers an operation is tried, where each dies under it: it may be what they die of. On as
 * many more, where they die before they begin it.
 */
const MOST_TRIES = 5;

/** Whether the worker that had a call is gone. */
export function isLost(result: unknown): result is Failure {
  return result instanceof Failure && result.envelope === undefined;
}

/** Decides whether a call runs again, each time that its worker is gone. */
export class Tries {
  readonly #call: Call;
  readonly #args: EncodedCall;
  #begun = 0;
  #notBegun = 0;

  constructor(call: Call, args: EncodedCall) {
    this.#call = call;
    this.#args = args;
  }

  /** @throws WorkerLostError of the session that the call belongs to, where that is lost with its worker */
  mayRunAgain({ begun, cause }: Failure): boolean {
    const { name, session } = this.#call;
    const writes = isWrite(this.#call);
    if (session !== undefined) {
      const ofOperation = !name.startsWith('session.');
      if (ofOperation && (!writes || session.inTransaction)) throw session.lost();
      return false;
    }
    if (isForbidden(cause)) return false;
    // Reads may always run again; writes where their worker had not begun them, and did not get their buffers for good.
    if (writes && (begun || this.#args.isGone)) return false;
    return (begun ? ++this.#begun : ++this.#notBegun) < MOST_TRIES;
  }
}

/** The result of a call, or its error, made here so that its stack shows who awaits it. */
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

/** Nobody reads the cursor that a call opened: its worker closes it when its port closes. */
export function closeOpened(result: unknown): void {
  (result as Partial<OpenedCursor>).port?.close();
}
