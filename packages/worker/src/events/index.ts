/** Events and log lines of a worker, on their way to the main thread. */
export { keepCall, outsideCalls, withinCall } from './call-context';
export { EventForwarder } from './forwarder';
export { loggingOptions } from './log';
export { EventOutbox } from './outbox';
