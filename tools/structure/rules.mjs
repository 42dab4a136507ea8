// @ts-check
import { exceptions, layers, withoutInnerDoors } from './layers.mjs';

/** @param {string} text */
const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
/** @param {string[]} alternatives */
const oneOf = (alternatives) => `(?:${alternatives.join('|')})`;

/**
 * Returns the rooms of a package from the lowest to the highest, each with a pattern of its own files.
 *
 * @param {string} name
 * @param {string} root - the folder that holds the packages
 */
function roomsOf(name, root) {
  return layers[name]
    .flatMap(({ rooms }) => Object.keys(rooms))
    .map((room) => {
      const folder = escaped(`${root}${name}/src/`) + (room === '.' ? '' : `${escaped(room)}/`);
      return { room, folder, files: `^${folder}[^/]+$` };
    });
}

/**
 * Returns the rules of dependency-cruiser that follow from the layers.
 *
 * @param {string} root - prefix of the paths, for a fixture
 * @returns {import('dependency-cruiser').IForbiddenRuleType[]}
 */
export function rules(root = '') {
  /** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
  const forbidden = [];
  for (const name of Object.keys(layers)) {
    const rooms = roomsOf(name, root);
    forbidden.push({
      name: 'unknown-room',
      comment:
        'Each folder is a room of tools/structure/layers.mjs. Add the new folder to a layer there.',
      severity: 'error',
      from: {
        path: `^${escaped(`${root}${name}/src/`)}`,
        pathNot: oneOf(rooms.map(({ files }) => files)),
      },
      to: {},
    });
    for (const [at, { room, files, folder }] of rooms.entries()) {
      const higher = rooms.slice(at + 1).map((other) => other.files);
      if (higher.length > 0) {
        forbidden.push({
          name: `backward-import: ${room}`,
          comment: 'A room imports only from rooms before it in tools/structure/layers.mjs.',
          severity: 'error',
          from: { path: files },
          to: { path: oneOf(higher) },
        });
      }
      const inner = withoutInnerDoors
        .map((folder) => root + folder)
        .filter((around) => `${root}${name}/src/${room}/`.startsWith(around))
        .map((around) => `^${escaped(around)}`);
      const door = `^${folder}index\\.ts$`;
      forbidden.push({
        name: `past-the-door: ${room}`,
        comment: 'Other rooms import from a room only through its index.ts.',
        severity: 'error',
        from: {
          path: `^${escaped(`${root}${name}/src/`)}`,
          pathNot: [files, ...exceptions.map(({ from }) => `^${escaped(root + from)}$`), ...inner],
        },
        to: { path: files, pathNot: door },
      });
      // From a room inside another one, the rest of the package sees only what the outer door shows.
      const outer = room.split('/').slice(0, -1).join('/');
      if (outer !== '') {
        const around = escaped(`${root}${name}/src/${outer}/`);
        forbidden.push({
          name: `past-the-outer-door: ${room}`,
          comment: `Rooms outside of ${outer} import through its index.ts.`,
          severity: 'error',
          from: {
            path: `^${escaped(`${root}${name}/src/`)}`,
            pathNot: [
              `^${around}`,
              ...exceptions.map(({ from }) => `^${escaped(root + from)}$`),
              ...inner,
            ],
          },
          to: { path: files },
        });
      }
    }
  }
  for (const { from, to } of exceptions) {
    forbidden.push({
      name: 'past-the-door: exceptions',
      severity: 'error',
      from: { path: `^${escaped(root + from)}$` },
      to: {
        path: `^${escaped(`${root}${from.split('/src/')[0]}/src/`)}`,
        pathNot: [
          `^${escaped(root + from.slice(0, from.lastIndexOf('/')))}/`,
          ...to.map((file) => `^${escaped(root + file)}$`),
        ],
      },
    });
  }
  forbidden.push({
    name: 'worker-imports-core',
    comment: 'The code of the worker never imports that of the main thread.',
    severity: 'error',
    from: { path: `^${escaped(root)}packages/worker/src/` },
    to: { path: `^${escaped(root)}packages/core/` },
  });
  forbidden.push({
    name: 'core-imports-worker-code',
    comment: 'The main thread uses the worker package only through the doors that it exports.',
    severity: 'error',
    from: { path: `^${escaped(root)}packages/core/src/` },
    to: {
      path: `^${escaped(root)}packages/worker/`,
      pathNot: '/(protocol|codec|server-checks)/index\\.(d\\.)?(ts|js)$',
    },
  });
  return forbidden;
}
