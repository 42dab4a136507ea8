export { ClientRegistration, type ClientOfApplication } from './client-registration';
export { Dispatch, type Sent, type Served } from './dispatch';
export { LaneChoice } from './lane-choice';
export { PoolShares } from './pool-shares';
