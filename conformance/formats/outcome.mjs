/** Thrown by a case that cannot run here: it is counted as skipped, with this reason. */
export class Skip extends Error {
  name = 'Skip';
}

/** Thrown where a file asks for what does not exist: an operation, an entity, an argument. */
export class MalformedTest extends Error {
  name = 'MalformedTest';
}

/** Thrown where what a driver did is not what the specification expects. */
export class Mismatch extends Error {
  name = 'Mismatch';
}

/** @param {unknown} condition @param {string} message @returns {asserts condition} */
export function check(condition, message) {
  if (!condition) throw new Mismatch(message);
}
