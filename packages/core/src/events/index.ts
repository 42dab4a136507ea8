/** What happens in workers, delivered to the listeners of our clients. */
export { forgetCause, rememberCause } from './cause';
export { ClientEvents, deliver, expectEvents, expectNoEvents } from './client-events';
export { installListenerWatch, watchListeners } from './listeners';
export { installMainPools, logUsedPoolsOnly } from './main-pools';
export { EventMarks } from './marks';
