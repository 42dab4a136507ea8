export { ChangeStream, offloadedChangeStream } from './change-stream';
