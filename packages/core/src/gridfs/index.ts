export { GridFSBucket } from './bucket';
