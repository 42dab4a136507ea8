export { Lifetime } from './admission';
export { type Call, type Named, ownOptions, SessionLink, type TargetRef } from './call';
export { ClientLink } from './client-link';
export {
  CredentialCallbacks,
  givenOptions,
  noteOnMain,
  optionsForWorkers,
  optionThatCannotCross,
} from './credentials';
export { PoolShares, type Served } from './routing';
export { type ClientState, offloadedState, setState, stateOf } from './state';
