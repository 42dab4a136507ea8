/** Checks of what a server sends, which run before the driver reads it, on both threads. */
export { refuseUnsoundHellos } from './sound-hellos';
export { refuseUnsoundReplies } from './sound-replies';
