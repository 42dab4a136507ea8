import { reviveError, type ErrorContext, type ErrorEnvelope } from '@mongo-offload/worker/protocol';

import { capture, frameIn, isDriver, isOurs, type Called } from './stack-frames';

/** Most frames, ours and the driver's, that may stand above the caller's. */
const ABOVE_CALLER = 40;

/** The two values that V8 makes the first line of a stack from. */
class Trace {
  readonly name: string;
  readonly message: string;
  readonly limit: number;
  /** V8's text. */
  stack?: unknown;
  /** Our text, once the stack was read. */
  text?: unknown;

  constructor({ name, message }: Error, limit: number) {
    this.name = name;
    this.message = message;
    this.limit = limit;
  }
}

const traces = new WeakMap<object, Trace>();

// All errors share one pair of accessors: separate pairs would give each error a hidden class of its own.
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

/** Finds the error whose stack is read: the object itself or one of its prototypes. */
function errorOf(object: object | null): object | undefined {
  let at = object;
  while (at !== null && !traces.has(at)) at = Object.getPrototypeOf(at) as object | null;
  return at ?? undefined;
}

/**
 * Gives an error a stack that shows the caller's line within the application's limit (`Error.stackTraceLimit`, ten by
 * default). Our own frames alone would fill that limit, so only those that the application's code called stay. As with
 * V8's stacks, the text is made when it is first read.
 *
 * @param below - the stack begins at the caller of this function
 */
export function showCaller<E extends Error>(error: E, below: Called = showCaller): E {
  const { stackTraceLimit } = Error;
  if (typeof stackTraceLimit !== 'number') return error;
  const trace = new Trace(error, stackTraceLimit);
  capture([trace], below, stackTraceLimit > 0 ? stackTraceLimit + ABOVE_CALLER : 0);
  traces.set(error, trace);
  return Object.defineProperty(error, 'stack', stackProperty);
}

/** Rebuilds a worker's error, with a stack that shows the line of the function that awaits this one's caller. */
export function revived(envelope: ErrorEnvelope, decode?: ErrorContext['decode']): Error {
  return reviveError(envelope, { decode, trace: (error) => showCaller(error, revived) });
}

function withoutOurs(stack: unknown, limit: number): unknown {
  // Tools that set Error.prepareStackTrace may return something other than text.
  if (typeof stack !== 'string') return stack;
  const lines = stack.split('\n');
  const first = lines.findLastIndex((line) => !/^\s+at /.test(line)) + 1;
  const frames = lines.slice(first);
  const kept = frames.filter((line, i) => !isIn(line, isOurs) || !isIn(frames[i + 1], isInside));
  return [...lines.slice(0, first), ...kept.slice(0, limit)].join('\n');
}

function isIn(line: string | undefined, isThere: (file: string) => boolean): boolean {
  const frame = line === undefined ? undefined : frameIn(line);
  return frame !== undefined && isThere(frame.file);
}

function isInside(file: string): boolean {
  return isOurs(file) || isDriver(file);
}
