export { CapturedContext, loadingContext } from './captured-context';
export { timers } from './timers';
export { TurnEnd } from './turn-end';
