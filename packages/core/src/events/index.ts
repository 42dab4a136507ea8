/** What happens in workers, delivered to the listeners of our clients. */
export { ClientEvents, deliver, expectEvents, expectNoEvents } from './client-events';
export { EventBarrier } from './event-barrier';
export type { FromWorkerThread } from './from-worker';
export { installListenerWatch, watchListeners } from './listeners';
export { forgetOperation, isHeard, rememberOperation } from './operation-scope';
export { followEarlyFailures, forgetFailures, noteCleared } from './server-failures';
