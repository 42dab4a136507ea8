/* How the worker package's tests build BSON byte by byte, and compare documents. */
export { document, element, int32, text } from '../../../worker/test/support/bytes';
export { assertSame, assertSameOutcome, type Outcome } from '../../../worker/test/support/same';
