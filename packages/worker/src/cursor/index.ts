export { BatchSource } from './batch-source';
export { startsNow } from './change-stream';
export { type CursorArguments, openCursor } from './open';
export { type RawDocuments, writeAll } from './raw-documents';
