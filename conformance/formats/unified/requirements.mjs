/**
 * @typedef {object} Server what the tests may require of the server at hand
 * @property {number[]} version major, minor and patch
 * @property {'single' | 'replicaset' | 'sharded' | 'load-balanced'} topology
 * @property {number} members of the replica set
 * @property {boolean} auth
 * @property {Record<string, unknown>} parameters
 * @property {boolean} testCommands whether fail points can be set
 */

/**
 * Why none of the requirements is met, or undefined where one is (or there is none).
 *
 * @param {any[] | undefined} requirements
 * @param {Server} server
 */
export function unmet(requirements, server) {
  if (!requirements || requirements.length === 0) return undefined;
  const reasons = requirements.map((requirement) => unmetOne(requirement, server));
  if (reasons.includes(undefined)) return undefined;
  return `needs ${[...new Set(reasons)].join(', or ')}`;
}

function unmetOne(requirement, server) {
  for (const [key, value] of Object.entries(requirement)) {
    const reason = tests[key]?.(value, server) ?? unknown(key);
    if (reason !== met) return reason;
  }
  return undefined;
}

const met = '';
const unknown = (key) =>
  Object.hasOwn(tests, key) ? met : `${key}, which this runner does not know`;

/** Each gives what is missing, `met`, or undefined for `met`. */
const tests = {
  minServerVersion: (value, { version }) =>
    compareVersions(version, value) >= 0 ? met : `MongoDB ${value} or later`,
  maxServerVersion: (value, { version }) =>
    compareVersions(version, value) <= 0 ? met : `MongoDB ${value} or earlier`,
  topologies: (value, { topology }) =>
    value.includes(topology) ? met : `the topology ${value.join(' or ')}`,
  serverless: (value) => (value === 'require' ? 'Atlas Serverless' : met),
  auth: (value, { auth }) => (value === auth ? met : `authentication ${value ? 'on' : 'off'}`),
  authMechanism: (value, { parameters }) =>
    [parameters.authenticationMechanisms]
      .flat()
      .some((mechanism) => String(mechanism).toLowerCase() === value.toLowerCase())
      ? met
      : `the mechanism ${value}`,
  // The library for it is not a dependency of this project.
  csfle: (value) => (value ? 'client-side encryption' : met),
  serverParameters: (value, { parameters }) => {
    const missing = Object.entries(value).find(
      ([name, wanted]) => JSON.stringify(parameters[name]) !== JSON.stringify(wanted),
    );
    return missing ? `the server parameter ${missing[0]}` : met;
  },
};

/** @param {number[]} version @param {string} other */
export function compareVersions(version, other) {
  const parts = parseVersion(other);
  for (let index = 0; index < 3; index++) {
    const difference = (version[index] ?? 0) - parts[index];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** @param {string} text */
export function parseVersion(text) {
  const [major, minor = '0', patch = '0'] = text.split('.');
  return [major, minor, patch].map((part) => Number.parseInt(part, 10));
}
