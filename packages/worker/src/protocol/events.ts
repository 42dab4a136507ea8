import type { ErrorEnvelope } from '../errors';

/** The driver's events that occur in workers. A worker forwards an event only if someone listens to it. */
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

/** A property of an event in transit. Documents are consecutive bytes in the batch. */
export type PackedProperty =
  /** A value that structured clone copies unchanged. */
  | { is: 'plain'; value: unknown }
  /** A command: `length` bytes of BSON. `maps` lists the paths of the values that the driver created as a Map. */
  | { is: 'command'; length: number; maps?: string[][] }
  /** A server's reply: `length` bytes of BSON. The main thread decodes it with the options of its operation. */
  | { is: 'reply'; length: number }
  /** A BSON value: the document `{ v: value }`. */
  | { is: 'value'; length: number }
  | { is: 'error'; error: ErrorEnvelope }
  /** Stands for the abort reason, which is on the main thread. In a log line, `abortMessage` stands for its message. */
  | { is: 'abortReason' }
  | { is: 'abortMessage' };

/** A worker's connection pools: one for operations, and one whose connections wait for the events of change streams. */
export type PoolKind = 'operations' | 'waiting';

/** Something that happened in a worker: an event or a log line of the driver. */
export interface Happening {
  type: 'event' | 'log';
  client: number;
  /** The event's name, or the log line's severity. */
  name: string;
  /** Absent for a log line. */
  pool?: PoolKind;
  /** The call that caused it, or 0 if no operation did. */
  call: number;
  properties: [name: string, value: PackedProperty][];
}

/**
 * The error of an operation that made the worker's driver mark a server Unknown. Examples are a lost connection, or a
 * server that shuts down or is no longer primary. The main thread's topology follows, whether or not anyone listens.
 */
export interface ServerFailure {
  type: 'serverFailure';
  client: number;
  address: string;
  error: ErrorEnvelope;
  /** The time at which the failed command was sent, by `processTimeMS`. */
  sentAt: number;
}

/** The events since the last batch, in order. */
export interface EventBatch {
  happenings: (Happening | ServerFailure)[];
  bytes: ArrayBuffer;
}

/**
 * The number of event batches that a lane has sent. A reply on a port other than the lane's carries this number. The
 * main thread holds the reply until it has delivered the same number of batches.
 */
export type EventMark = number | undefined;

/** The log settings of the workers' clients. The main thread decides where the log goes. */
export interface LogSettings {
  severities: Record<string, string>;
  maxDocumentLength: number;
}
