export { type Call, type Exemption, isWrite } from './call';
export { SessionLink } from './session-link';
export { type Named, ownOptions, type TargetRef, Targets } from './targets';
