/*
 * What tests use of this package's compiled files. Tests reach them through this file only, so that a file can move
 * without a change to the tests.
 */
import path from 'node:path';

export { packCarried, reviveCarried } from '../../dist/carried/index.js';
export { ActiveSet } from '../../dist/client/active-set.js';
export { DocumentShapes } from '../../dist/codec/arguments/document-shapes.js';
export * from '../../dist/codec/index.js';
export { objectsLike, sampleOf } from '../../dist/codec/tape/decode/kept-alive.js';
export { TapeCursor } from '../../dist/codec/tape/decode/tape-cursor.js';
export { crc32c } from '../../dist/server-checks/crc32c.js';

/** For programs that load the codec on their own. */
export const CODEC_FOLDER = path.resolve(__dirname, '../../dist/codec');
