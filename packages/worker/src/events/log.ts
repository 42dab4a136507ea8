import { BSON, type Log, type MongoClient, type MongoClientOptions } from 'mongodb';

import { clientInternals } from '../driver';
import { currentCall } from './call-context';
import type { LogSettings } from '../protocol';
import type { EventOutbox } from './outbox';
import { pack, rawReply } from './pack';

/**
 * Returns the options that make a client of this worker log to the main thread, which has the destination. They always
 * set severities, because the main thread has read those in the environment.
 */
export function loggingOptions(
  id: number,
  log: LogSettings | undefined,
  outbox: EventOutbox,
): MongoClientOptions {
  const options: MongoClientOptions = {
    mongodbLogComponentSeverities: { default: 'off', ...log?.severities },
  };
  if (log === undefined) return options;
  options.mongodbLogMaxDocumentLength = log.maxDocumentLength;
  options.mongodbLogPath = {
    write(line: Log): void {
      outbox.add(pack({ type: 'log', client: id, name: line.s }, line));
    },
  };
  return options;
}

/** Makes a client's log show documents instead of their bytes, which the driver has with `raw: true`. */
export function logDocuments(client: MongoClient): void {
  const { mongoLogger } = clientInternals(client);
  if (mongoLogger === undefined) return;
  const { debug } = mongoLogger;
  mongoLogger.debug = (component, message) => {
    const event = message as { name?: string; reply?: unknown };
    const { reply } = event;
    if (event.name !== 'commandSucceeded' || currentCall()?.raw !== true)
      return debug(component, message);
    if (typeof reply !== 'object' || reply === null) return debug(component, message);
    debug(component, { ...event, reply: BSON.deserialize(rawReply(reply)) });
  };
}
