export { Lane } from './lane';
