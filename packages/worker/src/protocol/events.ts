import type { ErrorEnvelope } from '../errors';

/** The driver's events that happen in workers, and that they send on where someone listens. */
export const FORWARDED_EVENTS = [
  'commandStarted',
  'commandSucceeded',
  'commandFailed',
  'connectionPoolCreated',
  'connectionPoolReady',
  'connectionPoolCleared',
  'connectionPoolClosed',
  'connectionCreated',
  'connectionReady',
  'connectionClosed',
  'connectionCheckOutStarted',
  'connectionCheckOutFailed',
  'connectionCheckedOut',
  'connectionCheckedIn',
] as const;

export type ForwardedEvent = (typeof FORWARDED_EVENTS)[number];

/** A property of an event as it crosses. Documents are consecutive bytes in the batch. */
export type PackedProperty =
  /** What a structured clone carries as it is. */
  | { is: 'plain'; value: unknown }
  /** A command: `length` bytes of BSON. `maps` says which of its values the driver made as a Map. */
  | { is: 'command'; length: number; maps?: string[][] }
  /** A server's reply: `length` bytes of BSON, to be decoded with the options of its operation. */
  | { is: 'reply'; length: number }
  /** A BSON value: the document `{ v: value }`. */
  | { is: 'value'; length: number }
  | { is: 'error'; error: ErrorEnvelope }
  /** Stands for the abort reason, which the main thread has; in a line of the log, for the reason's message. */
  | { is: 'abortReason' }
  | { is: 'abortMessage' };

/** A worker's pools: that for operations, and the one whose connections wait for change streams' events. */
export type PoolKind = 'operations' | 'waiting';

/** Something that happened in a worker: an event of the driver's, or a line of its log. */
export interface Happening {
  type: 'event' | 'log';
  client: number;
  /** The event's name, or the severity of the line. */
  name: string;
  /** Absent for a line of the log. */
  pool?: PoolKind;
  /** The call that caused it; 0 where no operation did. */
  call: number;
  properties: [name: string, value: PackedProperty][];
}

/**
 * An operation met an error that made the worker's driver mark a server Unknown: a lost connection, or a server that
 * shuts down or is no longer primary. The main thread's topology follows, whether or not anyone listens.
 */
export interface ServerFailure {
  type: 'serverFailure';
  client: number;
  address: string;
  error: ErrorEnvelope;
  /** When the command that failed was sent, by `processTimeMS`. */
  sentAt: number;
}

/** What happened since the last batch, in order. */
export interface EventBatch {
  happenings: (Happening | ServerFailure)[];
  bytes: ArrayBuffer;
}

/**
 * How many batches with events a lane has sent. What answers on another port than the lane's carries
 * it, and waits on the main thread until as many have been delivered.
 */
export type EventMark = number | undefined;

/** How the workers' clients log; where that goes is the main thread's affair. */
export interface LogSettings {
  severities: Record<string, string>;
  maxDocumentLength: number;
}
