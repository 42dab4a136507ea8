import type { ErrorEnvelope } from '@mongo-offload/worker/protocol';

/** A call has failed; whoever awaits it builds the error, so that its stack shows the caller's line. */
export class Failure {
  constructor(
    /** What the worker threw, or undefined where the worker itself is gone. */
    readonly envelope: ErrorEnvelope | undefined,
    /** Where the worker is gone: why, if it is known. */
    readonly cause?: Error,
    /** Where the worker is gone: whether it had begun the call, so that a server may have seen it. */
    readonly begun = false,
  ) {}
}

/** The server's answer came, but its bytes are no document under the options asked for. */
export class DecodingFailure {
  constructor(readonly error: Error) {}
}
