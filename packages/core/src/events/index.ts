/** What happens in workers, delivered to the listeners of our clients. */
export { forgetCause, isHeard, rememberCause } from './operation-scope';
export { ClientEvents, deliver, expectEvents, expectNoEvents } from './client-events';
export type { FromWorkerThread } from './from-worker';
export { installListenerWatch, watchListeners } from './listeners';


export { EventMarks } from './event-barrier';

