export { Batch } from './batch';
export { fetchOnce, forgetCalls, inOrder, isBusy, noteTransforming, rewindOf } from './call-order';
export {
  checkNotCutOff,
  cutOff,
  interrupted,
  isInterruption,
  isOutdated,
  noteClientCloses,
  noteRewind,
  rewound,
} from './cut-off';
export {
  crossing,
  type CursorDescription,
  type Describe,
  offloadedCursorState,
  sessionLink,
  targetOf,
} from './description';
export { givenSession, makeImplicitSession } from './implicit-session';
export { openRemote } from './open-remote';
export { RemoteCursor } from './remote-cursor';
