import type { MessagePort } from 'node:worker_threads';

import type { Document, ExplainVerbosityLike, FindCursor } from 'mongodb';

import { carrying, abortReason } from '../abort';
import { ClientRegistry, type Target } from '../client';
import { TapeEncoder, type EncodeMode } from '../codec';
import { BatchSource, openCursor, type CursorArguments } from '../cursor';
import { withinCall } from '../events';
import {
  readArguments,
  type CallArguments,
  type MoreBytes,
  sendsBytes,
  passedThrough,
  run,
} from '../operations';
import {
  CALL_STRIDE,
  CallFlag,
  LaneProgress,
  operationOf,
  OPERATIONS,
  type CursorKind,
  type LaneTask,
  type OperationName,
  type ToWorker,
} from '../protocol';
import { exchangeServerSession, SessionRegistry } from '../session';
import { BusyPoll } from './busy-poll';
import { heap } from './heap';
import { Replies, type ResultForm } from './replies';
import { StreamOpenings } from './stream-openings';

/** The numbers of one call in `calls`: see CALL_STRIDE. */
interface CallHead {
  id: number;
  code: number;
  targetId: number;
  flags: number;
  session: number;
}

/** How to run and answer a call. */
interface CallManner extends ResultForm {
  /** Present if the call can be aborted. */
  signal?: AbortSignal;
  /** The id of the session that the call belongs to; 0 for none. */
  session: number;
}

function modeOf(flags: number): EncodeMode {
  if ((flags & CallFlag.tape) === 0) return 'raw';
  return (flags & CallFlag.lazy) === 0 ? 'tape' : 'lazy';
}

/** Cursors of documents. Small results travel whole, and replies are large if no batch size is set. */
const OF_DOCUMENTS: ReadonlySet<CursorKind> = new Set(['find', 'aggregate']);

const MAY_TAKE_BYTES: ReadonlySet<OperationName> = new Set([
  'collection.insertOne',
  'collection.insertMany',
  'collection.bulkWrite',
  'collection.bulkStatements',
]);

/** The worker's end of the lane: receives calls, runs them with the driver, and replies. */
export class LaneServer {
  readonly #clients: ClientRegistry;
  readonly #sessions = new SessionRegistry();
  readonly #encoder = new TapeEncoder();
  readonly #port: MessagePort;
  readonly #chunkBytes: number;
  readonly #replies: Replies;
  readonly #aborts = new Map<number, AbortController>();
  readonly #openings = new StreamOpenings();
  readonly #busyPoll: BusyPoll;
  readonly #progress: LaneProgress;

  constructor({ port, chunkBytes, busyPoll, progress }: LaneTask) {
    this.#busyPoll = new BusyPoll(busyPoll);
    this.#port = port;
    this.#progress = new LaneProgress(progress);
    this.#chunkBytes = chunkBytes;
    this.#replies = new Replies(port, this.#encoder);
    this.#clients = new ClientRegistry(this.#replies.events);
    port.on('message', (message: ToWorker) => this.#receive(message));
    this.#progress.serve();
  }

  #receive(message: ToWorker): void {
    switch (message.type) {
      case 'client':
        return this.#clients.define(message);
      case 'metadata':
        return this.#clients.appendMetadata(message.client, message.driverInfo);
      case 'listen':
        return this.#clients.listen(message.client, message.events);
      case 'target':
        return this.#clients.defineTarget(message.id, message.definition);
      case 'forgetTargets':
        return this.#clients.forgetTargets(message.ids);
      case 'calls':
        return this.#calls(message.calls, new Uint8Array(message.bytes), message.more);
      case 'abort':
        return this.#aborts.get(message.call)?.abort(abortReason());
      case 'session': {
        const client = this.#clients.client(message.definition.client);
        if (client !== undefined) this.#sessions.define(message.id, client, message.definition);
        return;
      }
      case 'sessionUpdate':
        return this.#sessions.update(message.id, message.update);
      case 'sessionEnd':
        return void this.#sessions.end(message.id).catch(() => undefined);
      case 'serverSession': {
        const client = this.#clients.client(message.client);
        const other = client && exchangeServerSession(client, message.session);
        if (other !== undefined) this.#replies.serverSession(message.client, other);
        return;
      }
      case 'closeClient':
        return void this.#answer(message.call, async () => {
          await this.#clients.close(message.id, message.force, message.endSessions);
        });
      case 'heap':
        return this.#replies.outcome(message.call, { kind: 'value', value: heap() });
      case 'end':
        void this.#end();
        return;
      default:
        return message satisfies never;
    }
  }

  #calls(calls: number[], bytes: Uint8Array, more: MoreBytes | undefined): void {
    this.#progress.take(calls[calls.length - CALL_STRIDE]);
    let at = 0;
    for (let i = 0; i < calls.length; i += CALL_STRIDE) {
      const [id, code, targetId, length, flags, session] = calls.slice(i, i + CALL_STRIDE);
      const end = at + length;
      void this.#call({ id, code, targetId, flags, session }, bytes, at, end, more);
      at = end;
    }
  }

  async #call(
    { id: call, code, targetId, flags, session }: CallHead,
    bytes: Uint8Array,
    start: number,
    end: number,
    more: MoreBytes | undefined,
  ): Promise<void> {
    let rawDocuments = false;
    const name = operationOf(code);
    const { result, effect } = OPERATIONS[name];
    const begun = this.#busyPoll.begun(effect);
    try {
      const args = readArguments(bytes, start, end, more, this.#takesBytes(name, flags));
      const target = this.#clients.target(targetId);
      if (target === undefined) throw new Error('the client of this operation is closed');
      const signal = (flags & CallFlag.abortable) === 0 ? undefined : this.#signal(call);
      // Documents with the default decoding options go on the tape. Of others the main thread decodes the bytes.
      const mode = modeOf(flags);
      const raw = (flags & CallFlag.raw) !== 0;
      const exact = (flags & CallFlag.exact) !== 0;
      rawDocuments =
        result === 'document' || (result === 'raw' && raw) || name.startsWith('cursor.');
      if (session !== 0) {
        args.options = { ...args.options, session: this.#sessions.get(session) };
      }
      const before = this.#openings.before(target, effect);
      if (before !== undefined) await before;
      const dispatch = (): Promise<void> =>
        this.#dispatch(call, name, target, args, { signal, mode, exact, session });
      if (!this.#replies.events.active) await dispatch();
      else
        await withinCall({ id: call, raw: rawDocuments || args.options?.raw === true }, dispatch);
    } catch (error) {
      this.#replies.error(call, error, rawDocuments);
    } finally {
      this.#busyPoll.answered(begun, effect);
      if ((flags & CallFlag.abortable) !== 0) this.#aborts.delete(call);
      if (session !== 0) this.#replies.session(this.#sessions.snapshot(session));
      // With no other call in flight, the reply leaves at once. In nextTick, so that a failure here ends the worker.
      if (this.#busyPoll.inFlight === 0) process.nextTick(() => this.#replies.flush());
    }
  }

  async #dispatch(
    call: number,
    name: OperationName,
    target: Target,
    args: CallArguments,
    manner: CallManner,
  ): Promise<void> {
    const { signal, mode = 'raw', session } = manner;
    const options: Document = { ...args.options };
    const [kind, cursorArgs] = args.positional as [CursorKind, CursorArguments | undefined];
    switch (name) {
      case 'cursor.open': {
        if (signal !== undefined) options.signal = signal;
        // A session cannot be used on another client.
        const waits = options.tailable === true && options.awaitData === true && session === 0;
        const on = waits ? target.waiting() : target;
        const cursor = openCursor(kind, cursorArgs ?? {}, on, { ...options, raw: true });
        const source = new BatchSource(cursor, this.#encoder, {
          chunkBytes: this.#chunkBytes,
          tailable: options.tailable === true,
          mode,
          signal,
          mayBoundReplies: OF_DOCUMENTS.has(kind) ? () => !this.#replies.events.active : undefined,
          session: session === 0 ? undefined : () => this.#sessions.snapshot(session),
          mayBeWhole: OF_DOCUMENTS.has(kind),
          mark: () => this.#replies.mark(),
        });
        const opening = source.open();
        if (kind === 'changeStream') this.#openings.add(target, cursorArgs?.pipeline, opening);
        const outcome = await opening;
        if ('whole' in outcome) return this.#replies.documents(call, outcome.whole);
        return this.#replies.cursor(call, outcome.opened, outcome.transfer);
      }
      case 'cursor.explain': {
        const cursor = openCursor(kind, cursorArgs ?? {}, target, { ...options, raw: true });
        const verbosity = args.positional[2] as ExplainVerbosityLike;
        const plan = await carrying(signal, () => (cursor as FindCursor).explain(verbosity));
        return this.#replies.outcome(call, passedThrough(plan));
      }
      case 'cursor.count': {
        const { countOptions, ...cursorOptions } = options as { countOptions?: Document };
        const cursor = openCursor(kind, cursorArgs ?? {}, target, cursorOptions) as FindCursor;
        const value = await carrying(signal, () => cursor.count(countOptions));
        return this.#replies.outcome(call, { kind: 'value', value });
      }
      default: {
        const outcome = await run(name, target, args, { signal });
        return this.#replies.outcome(call, outcome, manner);
      }
    }
  }

  /** Whether the driver may send the documents as bytes. A listener of commands must see them decoded. */
  #takesBytes(name: OperationName, flags: number): boolean {
    if (!MAY_TAKE_BYTES.has(name)) return false;
    return sendsBytes && (flags & CallFlag.raw) !== 0 && !this.#replies.events.active;
  }

  #signal(call: number): AbortSignal {
    const controller = new AbortController();
    this.#aborts.set(call, controller);
    return controller.signal;
  }

  async #answer(call: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#replies.outcome(call, { kind: 'done' });
    } catch (error) {
      this.#replies.error(call, error);
    }
  }

  async #end(): Promise<void> {
    await this.#clients.closeAll();
    this.#replies.flush();
    this.#port.close();
  }
}
