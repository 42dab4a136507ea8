/** Checks a server's messages before the driver reads them, on both threads. */
export { refuseUnsoundHellos } from './sound-hellos';
export { refuseUnsoundReplies } from './sound-replies';
