import { Mismatch, Skip } from '../outcome.mjs';
import { executeTest } from './execute.mjs';
import { compareVersions, parseVersion } from './requirements.mjs';

/** The newest version of the format that this runner reads. */
const supported = '1.28';

/** @param {any} content */
export const isUnified = (content) => typeof content.schemaVersion === 'string';

/**
 * The cases of a file in the unified test format.
 *
 * @param {any} file
 * @param {string} path
 */
export function unifiedCases(file, path) {
  // The format's own tests of test runners: these files are valid, but each of their tests must fail.
  const inverted = path.includes('/valid-fail/');
  return file.tests.map((test) => ({
    description: test.description,
    run: inverted
      ? (context) => mustFail(() => execute(file, test, context))
      : (context) => execute(file, test, context),
  }));
}

async function execute(file, test, context) {
  const version = parseVersion(file.schemaVersion);
  const [major] = parseVersion(supported);
  if (version[0] !== major || compareVersions(version, supported) > 0) {
    throw new Error(`The format's version ${file.schemaVersion} is not supported`);
  }
  await executeTest(file, test, context);
}

async function mustFail(run) {
  try {
    await run();
  } catch (error) {
    if (error instanceof Skip) throw error;
    return;
  }
  throw new Mismatch('passes, but the runner should have refused it');
}
