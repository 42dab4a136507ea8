/** What happens in a worker, on its way to the listeners on the main thread. */
export { keepCall, outsideCalls, withinCall } from './call-context';
export { EventForwarder } from './forwarder';
export { loggingOptions } from './log';
export { EventOutbox } from './outbox';
