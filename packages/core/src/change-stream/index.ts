export { ChangeStream, watching } from './change-stream';
