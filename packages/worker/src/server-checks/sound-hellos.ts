import { types } from 'node:util';

import {
  Double,
  Int32,
  Long,
  MongoUnexpectedServerResponseError,
  ObjectId,
  type Document,
  type MongoDBNamespace,
} from 'mongodb';

/** The parts of the driver's connections that this file uses. They are not public API. */
interface Connection {
  command?: Run;
  exhaustCommand?: RunMany;
  onError(error: Error): void;
}
type Run = (
  this: Connection,
  namespace: MongoDBNamespace,
  command: Document,
  ...rest: unknown[]
) => Promise<unknown>;
type RunMany = (
  this: Connection,
  namespace: MongoDBNamespace,
  command: Document,
  options: unknown,
  listener: (error?: Error, reply?: Document) => void,
) => void;

const guarded = Symbol.for('mongo-offload.sound-hellos');

/**
 * Makes this thread's copy of the driver check the servers' replies to `hello`. The driver (7.9) trusts the types of
 * their fields. A wrong type causes a TypeError in a callback where nothing catches it, which would end the thread.
 * With the check, such a reply causes an ordinary error of the handshake or the heartbeat. A driver without these
 * methods is left as it is.
 */
export function refuseUnsoundHellos(): void {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES exports of it
  const { Connection } = require('mongodb/lib/cmap/connection') as {
    Connection?: { prototype: Connection & { [guarded]?: true } };
  };
  const prototype = Connection?.prototype;
  if (prototype === undefined || prototype[guarded] === true) return;
  prototype[guarded] = true;
  const { command, exhaustCommand } = prototype;
  if (command !== undefined) prototype.command = checkingOne(command);
  if (exhaustCommand !== undefined) prototype.exhaustCommand = checkingMany(exhaustCommand);
}

function checkingOne(run: Run): Run {
  return function (namespace, command, ...rest) {
    // Check the command before it is sent. If the check threw afterwards, the connection would serve the next command
    // although the reply to this one is still to come.
    const answersHello = isHello(command);
    const running = run.call(this, namespace, command, ...rest);
    return answersHello ? running.then((reply) => checked(this, reply as Document)) : running;
  };
}

function checkingMany(run: RunMany): RunMany {
  return function (namespace, command, options, listener) {
    run.call(this, namespace, command, options, (error, reply) => {
      if (error !== undefined || reply === undefined) return listener(error, reply);
      let hello: Document;
      try {
        hello = checked(this, reply);
      } catch (wrong) {
        return listener(wrong as Error);
      }
      listener(undefined, hello);
    });
  };
}

/**
 * Whether the command is a hello. It never throws and runs no code of the application, whose own commands may be any
 * value.
 */
function isHello(command: unknown): boolean {
  if (typeof command !== 'object' || command === null || types.isProxy(command)) return false;
  return 'hello' in command || 'ismaster' in command || 'isMaster' in command;
}

/**
 * Returns the reply. If it is invalid, closes its connection. @throws MongoUnexpectedServerResponseError if it is
 * invalid
 */
function checked(connection: Connection, hello: Document): Document {
  const wrong = firstWrongField(hello);
  if (wrong === undefined) return hello;
  const error = new MongoUnexpectedServerResponseError(
    `The server's reply to hello has an invalid value in the field ${wrong}`,
  );
  connection.onError(error);
  throw error;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
/** This accepts bson's classes too, since the client's BSON options apply to these replies. */
const isNumber: Check = (value) =>
  (typeof value === 'number' ||
    typeof value === 'bigint' ||
    Long.isLong(value) ||
    value instanceof Int32 ||
    value instanceof Double) &&
  Number.isFinite(Number(value));
const isSize: Check = (value) => isNumber(value) && Number(value) > 0;
const isDocument: Check = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isHost: Check = (value) => isText(value) && isAddress(value as string);
const isHosts: Check = (value) => Array.isArray(value) && value.every(isHost);
const isWhole: Check = (value) => isNumber(value) && Number.isInteger(Number(value));

/** The fields that the driver reads from a reply. They may be absent or null. */
const CHECKS: Readonly<Record<string, Check>> = {
  hosts: isHosts,
  passives: isHosts,
  arbiters: isHosts,
  me: isHost,
  primary: isHost,
  setName: isText,
  setVersion: isNumber,
  electionId: (value) => value instanceof ObjectId,
  tags: isDocument,
  msg: isText,
  minWireVersion: isNumber,
  maxWireVersion: isNumber,
  maxBsonObjectSize: isSize,
  maxMessageSizeBytes: isSize,
  maxWriteBatchSize: isSize,
  logicalSessionTimeoutMinutes: isNumber,
  connectionId: isWhole,
  compression: isTexts,
  saslSupportedMechs: isTexts,
  lastWrite: isDocument,
  speculativeAuthenticate: isDocument,
  topologyVersion: isTopologyVersion,
  serviceId: (value) => value instanceof ObjectId,
};

function isTopologyVersion(value: unknown): boolean {
  if (!isDocument(value)) return false;
  const { processId, counter } = value as Document;
  return processId instanceof ObjectId && isWhole(counter);
}

function firstWrongField(hello: Document): string | undefined {
  for (const [name, check] of Object.entries(CHECKS)) {
    const value: unknown = hello[name];
    if (value !== undefined && value !== null && !check(value)) return name;
  }
  // The driver converts this field with BigInt, which throws for null.
  return hello.connectionId === null ? 'connectionId' : undefined;
}

function isAddress(text: string): boolean {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no ES exports of it
  const { HostAddress } = require('mongodb/lib/utils') as {
    HostAddress: { fromString(text: string): unknown };
  };
  try {
    HostAddress.fromString(text);
    return true;
  } catch {
    return false;
  }
}
