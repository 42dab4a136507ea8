export { Deadline, eitherSignal, signalOf } from './deadline';
export {
  DEADLINE_RANGE,
  deadlineOf,
  limiting,
  type LimitOptions,
  Limits,
  withinLimits,
} from './limits';
export { noLongerThan } from './no-longer-than';
export { untilAborted } from './until-aborted';
