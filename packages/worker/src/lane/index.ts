export { LaneServer } from './lane-server';
