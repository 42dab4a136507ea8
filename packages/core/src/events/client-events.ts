import {
  FORWARDED_EVENTS,
  type EventBatch,
  type ForwardedEvent,
  type LogSettings,
  type ServerFailure,
} from '@mongo-offload/worker/protocol';
import type { MongoClient } from 'mongodb';

import { loggerOf } from '../driver';
import { timers } from '../event-loop';
import { operationScopeOf, NO_OPERATION, type OperationScope } from './operation-scope';
import { EventBytes, reviveEvent, reviveLog } from './revive';
import { followFailure } from './server-failures';

const NONE: readonly ForwardedEvent[] = [];
const forwarded = new Set<string>(FORWARDED_EVENTS);

/** The events of one client: which of them its workers are to send, and their delivery. */
export class ClientEvents {
  readonly #client: MongoClient;
  /** What someone listens to. */
  wanted: readonly ForwardedEvent[] = NONE;
  /** Told when that changes. */
  onChange: ((wanted: readonly ForwardedEvent[]) => void) | undefined;
  /** How the workers are to log; undefined where nothing is logged. */
  readonly log: LogSettings | undefined;
  #monitorCommands: boolean | undefined;

  constructor(client: MongoClient) {
    this.#client = client;
    this.log = logSettings(client);
  }

  /** Whether anything of an operation may be heard of, so that its context is to be kept. */
  get active(): boolean {
    return this.wanted !== NONE || this.log !== undefined;
  }

  /** As the driver, which reads it when it connects: what is set later counts for the next time. */
  get monitorCommands(): boolean {
    return (this.#monitorCommands ??= this.#client.options.monitorCommands);
  }

  closed(): void {
    this.#monitorCommands = undefined;
  }

  /** To be called when listeners came or went, of this event or (undefined) of any. */
  listenersChanged(name: string | symbol | undefined): void {
    if (name !== undefined && (typeof name === 'symbol' || !forwarded.has(name))) return;
    const wanted = FORWARDED_EVENTS.filter((event) => this.#client.listenerCount(event) > 0);
    if (
      wanted.length === this.wanted.length &&
      wanted.every((event, i) => event === this.wanted[i])
    )
      return;
    this.wanted = wanted.length === 0 ? NONE : wanted;
    this.onChange?.(this.wanted);
  }

  emit(name: string, event: object): void {
    (this.#client as unknown as { emit(name: string, event: object): boolean }).emit(name, event);
  }

  /** An operation in a worker met an error that changes what is known of a server. */
  serverFailed(failure: ServerFailure): void {
    followFailure(this.#client, failure);
  }

  /** The driver's own logger writes the line: to its destination, in order, and with its care for failures. */
  write(severity: string, line: object): void {
    const logger = loggerOf(this.#client);
    const { c: component } = line as { c: string };
    logger?.[severity as 'debug'](component, { toLog: () => line });
  }
}

/** The clients whose events may come, by the number under which workers know them. */
const clients = new Map<number, ClientEvents>();

export function expectEvents(client: number, events: ClientEvents): void {
  clients.set(client, events);
}

export function expectNoEvents(client: number): void {
  clients.delete(client);
}

/** Delivers what happened in one worker, each thing in the context of the operation that caused it. */
export function deliver({ happenings, bytes }: EventBatch, worker: number): void {
  const documents = new EventBytes(bytes);
  for (const happening of happenings) {
    const events = clients.get(happening.client);
    if (happening.type === 'serverFailure') {
      run(NO_OPERATION, () => events?.serverFailed(happening));
      continue;
    }
    const { type, name, call } = happening;
    const scope = operationScopeOf(call);
    const what =
      type === 'event'
        ? reviveEvent(happening, documents, scope, worker)
        : reviveLog(happening, documents, scope, worker);
    if (events === undefined) continue;
    run(scope, () => (type === 'event' ? events.emit(name, what) : events.write(name, what)));
  }
}

/** An error that a listener throws does not fail the operation, which is over in the worker. */
function run(scope: OperationScope, emit: () => void): void {
  try {
    scope.context.run(emit);
  } catch (error) {
    timers.nextTick(() => {
      throw error;
    });
  }
}

/** The main thread's monitoring reports the topology; workers report what operations do. */
function logSettings(client: MongoClient): LogSettings | undefined {
  const logger = loggerOf(client);
  if (logger === undefined) return undefined;
  const { command, connection, serverSelection } = logger.componentSeverities;
  return {
    severities: { command, connection, serverSelection },
    maxDocumentLength: logger.maxDocumentLength,
  };
}
