export { reviveCarried } from './revive';
export { packCarried } from './pack';
