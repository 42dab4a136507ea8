/**
 * A command without the habits in which the native driver knowingly differs from the specifications.
 * Each would fail a good many tests for something else than what they are about, on both drivers, and so
 * hide where the two differ.
 *
 * @param {any} expected
 * @param {any} actual
 */
export function tolerate(expected, actual) {
  let command = actual;
  // It sends wtimeout with every end of a transaction, not only with a commit that is tried again.
  if ('commitTransaction' in actual || 'abortTransaction' in actual) {
    const { wtimeout, ...writeConcern } = actual.writeConcern ?? {};
    if (wtimeout === 10_000 && expected.writeConcern?.wtimeout === undefined) {
      command = { ...command, writeConcern };
    }
  }
  // It leaves out what is the server's default.
  if (expected.bypassDocumentValidation === false && !('bypassDocumentValidation' in actual)) {
    command = { ...command, bypassDocumentValidation: false };
  }
  return command;
}
