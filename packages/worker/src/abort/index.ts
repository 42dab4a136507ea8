export { carriedSignal, carrying } from './carrying';
export { abortReason, isAbortMessage, isAbortReason } from './reason';
