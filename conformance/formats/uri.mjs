import { check, Mismatch, Skip } from './outcome.mjs';
import { match } from './unified/match.mjs';

const { entries } = Object;

/** @param {any} content a file of the specifications of connection strings, URI options, or concerns */
export const isUri = (content) => content.tests?.[0]?.uri !== undefined;

/** The cases of a file that says what each of its connection strings means. */
export function uriCases(content) {
  return content.tests.map((test) => ({
    description: test.description,
    run: ({ driver }) => expectUri(test, driver),
  }));
}

function expectUri(test, driver) {
  let options;
  try {
    ({ options } = new driver.MongoClient(test.uri));
  } catch (error) {
    // What deserves a warning may be refused altogether: the driver is free to be strict.
    if (!test.valid || test.warning) return;
    const unsupported = /^option (\w+) is not supported/.exec(error.message);
    if (unsupported) throw new Skip(`the driver has no option ${unsupported[1]}`);
    throw error;
  }
  if (!test.valid) throw new Mismatch(`${test.uri} was taken`);
  expectHosts(test.hosts ?? [], options);
  if (test.auth) expectCredentials(test, options);
  for (const [name, value] of entries(test.options ?? {})) expectOption(name, value, options);
  if (test.readConcern) expectConcern(test.readConcern, options.readConcern);
  if (test.writeConcern) expectConcern(test.writeConcern, options.writeConcern);
}

function expectHosts(expected, { hosts }) {
  for (const { type, host, port } of expected) {
    const found = hosts.some((actual) =>
      type === 'unix'
        ? actual.socketPath === host
        : actual.host?.toLowerCase() === host.toLowerCase() && actual.port === (port ?? 27017),
    );
    check(found, `expected the host ${host}${port ? `:${port}` : ''} among ${hosts.join(', ')}`);
  }
}

function expectCredentials({ auth, options: given }, { credentials, dbName }) {
  if (auth.username === null) {
    // Without a user there is nothing to authenticate; the name is that of the default database.
    return check(dbName === auth.db, `database: ${dbName}, expected ${auth.db}`);
  }
  check(credentials, 'there are no credentials');
  for (const field of ['username', 'password']) {
    const actual = credentials[field];
    if (auth[field] !== null) check(actual === auth[field], `${field}: ${actual}`);
  }
  const sourceGiven = Object.keys(given ?? {}).some((name) => name.toLowerCase() === 'authsource');
  if (auth.db !== null && !sourceGiven) {
    check(credentials.source === auth.db, `auth source: ${credentials.source}`);
  }
}

/** Where the driver keeps an option that it does not keep under its own name. */
const readers = {
  appname: ({ appName }) => appName,
  authmechanism: ({ credentials }) => credentials.mechanism,
  authmechanismproperties: ({ credentials }) => credentials.mechanismProperties,
  authsource: ({ credentials }) => credentials.source,
  journal: ({ writeConcern }) => writeConcern.journal,
  maxstalenessseconds: ({ readPreference }) => readPreference.maxStalenessSeconds,
  readconcernlevel: ({ readConcern }) => readConcern.level,
  readpreference: ({ readPreference }) => readPreference.mode,
  readpreferencetags: ({ readPreference }) => readPreference.tags,
  tlsallowinvalidcertificates: ({ rejectUnauthorized }) => rejectUnauthorized === false,
  tlsallowinvalidhostnames: ({ checkServerIdentity }) => typeof checkServerIdentity === 'function',
  tlscertificatekeyfilepassword: ({ passphrase }) => passphrase,
  tlsinsecure: ({ rejectUnauthorized }) => rejectUnauthorized === false,
  w: ({ writeConcern }) => writeConcern.w,
  wtimeoutms: ({ writeConcern }) => writeConcern.wtimeoutMS,
};

function expectOption(name, expected, options) {
  const key = name.toLowerCase();
  const own = Object.keys(options).find((option) => option.toLowerCase() === key);
  const actual = readers[key] ? readers[key](options) : options[own];
  match(expected, actual, { entities: undefined, operators: false, root: true, path: name });
}

function expectConcern(expected, actual) {
  const { wtimeoutMS, journal, ...rest } = expected;
  const wanted = {
    ...rest,
    ...(wtimeoutMS !== undefined && { wtimeoutMS }),
    ...(journal !== undefined && { journal }),
  };
  match(wanted, actual ?? {}, {
    entities: undefined,
    operators: false,
    root: true,
    path: 'concern',
  });
}
