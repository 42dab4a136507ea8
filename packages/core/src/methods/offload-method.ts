import { CallFlag, OPERATIONS, type OperationName } from '@mongo-offload/worker/protocol';
import type { BSONSerializeOptions, ClientSession, Document, MongoClient } from 'mongodb';

import { Limits } from '../abort';
import {
  encodeArguments,
  type CallParts,
  type EncodedCall,
  crossingOptions,
  decoding,
  mayBeBytes,
  tapeFlags,
  withoutOurs,
  type OpenOptions,
} from '../calls';
import { type TargetRef, offloadedState, type SessionLink } from '../client';
import { sessionInternals } from '../driver';
import { tracedOnMain } from '../tracing';
import { sliceOf, withDriversSession } from '../options';
import { sessionLinkOf } from '../session';
import { joined, scopes } from '../transaction';
import { limitedOnMain } from './limited-on-main';

/** What the mechanism reads from an object whose method is called. */
export interface Carrier<This> {
  client(self: This): MongoClient;
  target(self: This): TargetRef;
  /** BSON options that an operation inherits. */
  bson(self: This): BSONSerializeOptions;
}

/** How a method differs from the default. Most do not differ. */
export interface MethodPlan<This> {
  /** Another operation that the method stands for if it is called with certain arguments. */
  form?: { name: OperationName; when(args: unknown[]): boolean };
  /** Whether options that we do not know cross as well. */
  openOptions?: OpenOptions;
  /**
   * Number of levels of the positional arguments that the driver inspects. To that depth, types matter that BSON does not
   * distinguish.
   */
  lookedInto?: number;
  /** Whether the server gets its documents exactly as they were encoded here. */
  sendsBytes?: boolean;
  /** Whether the operation does not inherit BSON options from the object that it is called on. */
  ownBsonOnly?: boolean;
  /**
   * Returns false for wrong arguments whose fault BSON would hide, such as a function in place of a filter. The driver's
   * own method then throws its error.
   */
  accepts?(this: This, args: unknown[]): boolean;
  /**
   * Encodes the arguments, if they are not plain values.
   *
   * @param sliceMS - see `encodeListCall`
   */
  encode?(
    this: This,
    args: unknown[],
    options: Document | undefined,
    bson: BSONSerializeOptions,
    sliceMS: number | undefined,
  ): EncodedCall | Promise<EncodedCall>;
  /** Makes the driver's result from the worker's. */
  result?(this: This, result: unknown, args: unknown[]): unknown;
  /** Completes an error with values that only the main thread has. */
  error?(this: This, error: Error, args: unknown[]): Error;
}

type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * Replaces methods of `prototype` by methods that send a call to a worker. Each checks whether the call can cross, encodes
 * it, waits for the reply, and returns the result. If the call cannot cross, the driver's own method runs here.
 */
export function offloadMethods<This extends object>(
  prototype: This,
  kind: string,
  carrier: Carrier<This>,
  plans: Record<string, MethodPlan<This>>,
): void {
  for (const [method, plan] of Object.entries(plans)) {
    const native = (prototype as Record<string, Method>)[method];
    const { form, ...plain } = plan;
    let value = offloaded(`${kind}.${method}` as OperationName, method, native, carrier, plain);
    if (form !== undefined) {
      const usual = value;
      const other = offloaded(form.name, method, native, carrier, plain);
      const choose = {
        async [method](this: unknown, ...args: unknown[]): Promise<unknown> {
          return await (form.when(args) ? other : usual).apply(this, args);
        },
      };
      value = choose[method];
    }
    Object.defineProperty(value, 'length', { value: native.length });
    Object.defineProperty(prototype, method, { value, writable: true, configurable: true });
  }
}

function offloaded<This extends object>(
  name: OperationName,
  method: string,
  native: Method,
  carrier: Carrier<This>,
  plan: MethodPlan<This>,
): Method {
  const { arity, effect, result: resultKind } = OPERATIONS[name];
  const { openOptions = false, ownBsonOnly = false } = plan;
  const methods = {
    async [method](this: This, ...args: unknown[]): Promise<unknown> {
      const client = carrier.client(this);
      const given = args[arity] as Document | null | undefined;
      if (given?.session != null) args[arity] = withDriversSession(given);
      if (scopes.used) args[arity] = joined(client, args[arity] as Document | undefined, name);
      const options = args[arity] as Document | undefined;
      const state = offloadedState(client);
      const open = openOptions === true;
      if (state === undefined) {
        const limited = { what: name, on: this, write: effect === 'write' };
        return await limitedOnMain(client, options, limited, () =>
          native.apply(this, argumentsForDriver(args, arity, open)),
        );
      }
      const crosses = canCross(args, arity) && plan.accepts?.call(this, args) !== false;
      // As in the driver, this precedes the check of the session: a closed client has ended its sessions too.
      if (crosses) state.prepare();
      const session = crosses ? sessionOf(options, client) : undefined;
      if (!crosses || session === 'foreign') {
        const outside = options?.session as ClientSession | undefined;
        return await tracedOnMain(name, this, outside, () =>
          native.apply(this, argumentsForDriver(args, arity, open)),
        );
      }
      const inherited = carrier.bson(this);
      const defaults = state.link.offload;
      const decode = decoding(options, ownBsonOnly ? undefined : inherited, defaults);
      const limits = new Limits(options, { what: name, write: effect === 'write', defaults });
      const crossing = crossingOptions(options, openOptions);
      const onTape = resultKind === 'document' && decode.onTape;
      const raw =
        (resultKind === 'raw' && !decode.raw) || (plan.sendsBytes === true && mayBeBytes(options));
      const exact = !decode.plain && resultKind === 'value';
      const bson = serializing(options, inherited);
      try {
        const encoded = plan.encode
          ? plan.encode.call(this, args, crossing, bson, sliceOf(options, defaults))
          : encodeArguments(callParts(args, arity, crossing), bson, plan);
        const { result } = await state.link.send({
          name,
          target: carrier.target(this),
          args: encoded,
          flags:
            (onTape ? tapeFlags(decode) : raw ? CallFlag.raw : CallFlag.none) |
            (exact ? CallFlag.exact : CallFlag.none),
          decoding: decode,
          signal: limits.signal,
          session,
        });
        return plan.result ? plan.result.call(this, result, args) : result;
      } catch (error) {
        throw plan.error ? plan.error.call(this, error as Error, args) : error;
      } finally {
        limits.end();
      }
    },
  };
  return methods[method];
}

/**
 * Returns the link of the session that an operation was called with. `foreign` means that the session is not ours, has
 * ended, or belongs to another client. The driver's own method then throws the right error, which a bulk write wraps.
 */
export function sessionOf(
  options: Document | undefined,
  client: MongoClient,
): SessionLink | 'foreign' | undefined {
  const session = options?.session as ClientSession | null | undefined;
  if (session == null) return undefined;
  if (session.hasEnded || sessionInternals(session).client !== client) return 'foreign';
  return sessionLinkOf(session, client) ?? 'foreign';
}

function argumentsForDriver(args: unknown[], arity: number, open: boolean): unknown[] {
  const options = args[arity] as Document | null | undefined;
  if (options == null) return args;
  return args.with(arity, withoutOurs(options, open));
}

function canCross(args: unknown[], arity: number): boolean {
  const options = args[arity];
  return options === undefined || options === null || typeof options === 'object';
}

/** Returns the BSON options for encoding. The operation's own come before the inherited ones. */
export function serializing(
  options: Document | undefined,
  inherited: BSONSerializeOptions,
): BSONSerializeOptions {
  if (options?.ignoreUndefined == null && options?.serializeFunctions == null) return inherited;
  return {
    ignoreUndefined: (options.ignoreUndefined as boolean | undefined) ?? inherited.ignoreUndefined,
    serializeFunctions:
      (options.serializeFunctions as boolean | undefined) ?? inherited.serializeFunctions,
  };
}

function callParts(args: unknown[], arity: number, options: Document | undefined): CallParts {
  const parts: CallParts = { o: options };
  if (arity > 0) parts.a = args[0];
  if (arity > 1) parts.b = args[1];
  if (arity > 2) parts.c = args[2];
  return parts;
}
