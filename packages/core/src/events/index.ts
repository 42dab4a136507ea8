/** What happens in workers, delivered to the listeners of our clients. */
export { forgetCause, isHeard, rememberCause } from './operation-scope';
export { ClientEvents, deliver, expectEvents, expectNoEvents } from './client-events';
export type { FromWorkerThread } from './from-worker';
export { installListenerWatch, watchListeners } from './listeners';
export { arrangeLog } from '../facade/monitoring/log-destination';
export { installMainPools } from '../facade/monitoring/main-pools';
export { EventMarks } from './event-barrier';
export { holdOpen } from '../facade/monitoring/open-event';
