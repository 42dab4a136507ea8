import { reviveError, type ErrorContext, type ErrorEnvelope } from '@mongo-offload/worker/protocol';

import { capture, frameIn, isOurs, type Called } from './stack-frames';

/** Frames of ours, and of the driver between them, that may be above the caller's. */
const ABOVE_CALLER = 40;

/** What V8 writes a stack's text for: its first line is made of these two. */
class Trace {
  readonly name: string;
  readonly message: string;
  readonly limit: number;
  /** V8's text. */
  stack?: unknown;
  /** Ours, once it was read. */
  text?: unknown;

  constructor({ name, message }: Error, limit: number) {
    this.name = name;
    this.message = message;
    this.limit = limit;
  }
}

const traces = new WeakMap<object, Trace>();

// One pair of functions for all errors: a pair for each would give each a hidden class of its own.
const stackProperty: PropertyDescriptor & ThisType<object> = {
  get() {
    const error = errorOf(this);
    if (error === undefined) return undefined;
    const trace = traces.get(error) as Trace;
    return (trace.text ??= withoutOurs(trace.stack, trace.limit));
  },
  set(value) {
    Object.defineProperty(this, 'stack', { value, writable: true, configurable: true });
  },
  enumerable: false,
  configurable: true,
};

/** The error whose stack is read, which may be a prototype of the object that it is read of. */
function errorOf(object: object | null): object | undefined {
  let at = object;
  while (at !== null && !traces.has(at)) at = Object.getPrototypeOf(at) as object | null;
  return at ?? undefined;
}

/**
 * Gives an error that was made here a stack that shows the caller's line: within the limit that the application has
 * set (`Error.stackTraceLimit`, ten by default), where our own frames alone would fill it. Of ours that follow each
 * other only the outermost stays. As V8's, the text is made when it is read.
 *
 * @param below - the stack begins at whoever called this
 */
export function showCaller<E extends Error>(error: E, below: Called = showCaller): E {
  const { stackTraceLimit } = Error;
  if (typeof stackTraceLimit !== 'number') return error;
  const trace = new Trace(error, stackTraceLimit);
  capture([trace], below, stackTraceLimit > 0 ? stackTraceLimit + ABOVE_CALLER : 0);
  traces.set(error, trace);
  return Object.defineProperty(error, 'stack', stackProperty);
}

/** Rebuilds an error of a worker's, with a stack that shows the line of whoever awaits the caller of this. */
export function revived(envelope: ErrorEnvelope, decode?: ErrorContext['decode']): Error {
  return reviveError(envelope, { decode, trace: (error) => showCaller(error, revived) });
}

function withoutOurs(stack: unknown, limit: number): unknown {
  // Tools that set Error.prepareStackTrace may make something else of it.
  if (typeof stack !== 'string') return stack;
  const lines = stack.split('\n');
  const first = lines.findLastIndex((line) => !/^\s+at /.test(line)) + 1;
  const frames = lines.slice(first);
  const kept = frames.filter((line, i) => !isFrameOfOurs(line) || !isFrameOfOurs(frames[i + 1]));
  return [...lines.slice(0, first), ...kept.slice(0, limit)].join('\n');
}

function isFrameOfOurs(line: string | undefined): boolean {
  const frame = line === undefined ? undefined : frameIn(line);
  return frame !== undefined && isOurs(frame.file);
}
