export { arrangeLog } from './log-destination';
export { installMainPools } from './main-pools';
export { Monitoring } from './monitoring';
export { deferOpen } from './open-event';
