/** What happens in workers, delivered to the listeners of our clients. */
export { forgetCause, isHeard, rememberCause } from './cause';
export { ClientEvents, deliver, expectEvents, expectNoEvents } from './client-events';
export type { FromWorkerThread } from './from-worker';
export { installListenerWatch, watchListeners } from './listeners';
export { arrangeLog } from './log-destination';
export { installMainPools } from './main-pools';
export { EventMarks } from './marks';
export { holdOpen } from './opening';
