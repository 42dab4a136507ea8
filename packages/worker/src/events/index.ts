/** What happens in a worker, on its way to the listeners on the main thread. */
export { keepCall, withinCall } from './call-context';
export { EventForwarder, forwardedLog } from './forwarder';
export { EventOutbox } from './outbox';
