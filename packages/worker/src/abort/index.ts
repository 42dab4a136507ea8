export { carrying } from './carried-signal';
export { abortReason, isAbortMessage, isAbortReason } from './reason';
