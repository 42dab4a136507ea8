import { check, MalformedTest, Mismatch } from '../outcome.mjs';
import { match } from './match.mjs';
import { bulkWriteResult } from './operations/results.mjs';

/** A bulk write reports codes but no names. */
const codeNames = new Map([
  ['BadValue', 2],
  ['InternalError', 1],
  ['InvalidBSON', 22],
  ['NamespaceNotFound', 26],
  ['UnknownReplWriteConcern', 79],
  ['UnsatisfiableWriteConcern', 100],
  ['WriteConcernFailed', 64],
  ['DocumentValidationFailure', 121],
  ['DuplicateKey', 11000],
]);

/**
 * Asserts that an operation failed in the way the test expects.
 *
 * @param {any} expected
 * @param {any} error
 * @param {{ driver: typeof import('mongodb'), entities: import('./entities.mjs').EntityMap }} context
 */
export function expectError(expected, error, { driver, entities }) {
  const problem = (text) => new Mismatch(`${text}: ${error?.name}: ${error?.message}`);
  for (const [assertion, value] of Object.entries(expected)) {
    switch (assertion) {
      case 'isError':
        check(typeof error === 'object' && error !== null, 'expected an error');
        break;
      case 'isClientError':
        if (isServerError(error, driver) === value)
          throw problem(`expected isClientError ${value}`);
        break;
      case 'isTimeoutError':
        if (error instanceof driver.MongoOperationTimeoutError !== value) {
          throw problem(`expected isTimeoutError ${value}`);
        }
        break;
      case 'errorContains':
        if (!messagesOf(error, driver).some((text) => text.includes(value.toLowerCase()))) {
          throw problem(`expected a message with "${value}"`);
        }
        break;
      case 'errorCode':
        if (!sourcesOf(error, driver).some((source) => source.code === value)) {
          throw problem(`expected code ${value}, got ${error.code}`);
        }
        break;
      case 'errorCodeName':
        if (!sourcesOf(error, driver).some((source) => hasCodeName(source, value))) {
          throw problem(`expected code name ${value}, got ${error.codeName}`);
        }
        break;
      case 'errorLabelsContain':
        for (const label of value) {
          if (!hasLabel(error, label, driver)) throw problem(`expected the label ${label}`);
        }
        break;
      case 'errorLabelsOmit':
        for (const label of value) {
          if (hasLabel(error, label, driver)) throw problem(`expected no label ${label}`);
        }
        break;
      case 'writeErrors':
        expectWriteErrors(value, error.writeErrors, entities);
        break;
      case 'writeConcernErrors': {
        const errors = error.writeConcernErrors ?? [];
        check(errors.length === value.length, `expected ${value.length} write concern errors`);
        for (const [index, wanted] of value.entries()) {
          match(wanted, errors[index], {
            entities,
            root: true,
            path: `writeConcernErrors[${index}]`,
          });
        }
        break;
      }
      case 'errorResponse': {
        const source = error instanceof driver.MongoClientBulkWriteError ? error.cause : error;
        const response = source?.errorResponse ?? source;
        match(value, response, { entities, root: true, path: 'errorResponse' });
        break;
      }
      case 'expectResult':
        match(value, resultOf(error, driver), { entities, root: true, path: 'error.result' });
        break;
      default:
        throw new MalformedTest(`Unknown error assertion ${assertion}`);
    }
  }
}

function isServerError(error, driver) {
  if (error instanceof driver.MongoClientBulkWriteError) {
    return (
      error.cause instanceof driver.MongoServerError ||
      error.writeErrors.size > 0 ||
      error.writeConcernErrors.length > 0
    );
  }
  // A bulk write wraps whatever failed, a network error too, in an error of the server's class.
  if (
    error instanceof driver.MongoBulkWriteError &&
    error.errorResponse instanceof driver.MongoError
  ) {
    return error.errorResponse instanceof driver.MongoServerError;
  }
  return error instanceof driver.MongoServerError;
}

/** The error and those it aggregates, as the format asks for bulk writes. */
function sourcesOf(error, driver) {
  if (error instanceof driver.MongoClientBulkWriteError) return [error.cause ?? error];
  if (error instanceof driver.MongoBulkWriteError) {
    const writeConcernError = error.result?.getWriteConcernError?.();
    return [
      error,
      ...[error.writeErrors ?? []].flat(),
      ...(writeConcernError ? [writeConcernError] : []),
    ];
  }
  return [error];
}

const messagesOf = (error, driver) =>
  [error, ...sourcesOf(error, driver)].map((source) =>
    String(source.message ?? source.errmsg ?? '').toLowerCase(),
  );

function hasCodeName(source, name) {
  const actual = source.codeName ?? source.errorResponse?.codeName;
  if (actual !== undefined) return actual.toLowerCase() === name.toLowerCase();
  return source.code !== undefined && source.code === codeNames.get(name);
}

function hasLabel(error, label, driver) {
  const errors = error instanceof driver.MongoClientBulkWriteError ? [error, error.cause] : [error];
  return errors.some((source) => source?.hasErrorLabel?.(label));
}

function expectWriteErrors(expected, actual, entities) {
  const errors = new Map(actual ?? []);
  for (const [index, wanted] of Object.entries(expected)) {
    match(wanted, errors.get(Number(index)), {
      entities,
      root: true,
      path: `writeErrors[${index}]`,
    });
    errors.delete(Number(index));
  }
  check(errors.size === 0, `write errors that are not expected at ${[...errors.keys()]}`);
}

function resultOf(error, driver) {
  if (error instanceof driver.MongoClientBulkWriteError) return error.partialResult;
  return error instanceof driver.MongoBulkWriteError ? bulkWriteResult(error) : error.result;
}
