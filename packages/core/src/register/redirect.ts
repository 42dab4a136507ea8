import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A copy of the package `mongodb` on disk. */
interface DriverCopy {
  readonly folder: string;
  readonly main: string;
  readonly version: string;
}

/** A warning for the application, given once for each `about`. */
export interface Notice {
  readonly about: string;
  readonly message: string;
}

/** The file that an import loads. */
export interface Redirection {
  readonly file: string;
  readonly notice?: Notice;
}

const OURS = path.resolve(__dirname, '../index.js');
/** The copy of the driver that each package.json seen so far describes. */
const copies = new Map<string, DriverCopy | undefined>();
const driver = ownDriver();
/** Folders whose code gets the driver itself when it imports `mongodb`: ours, the worker's and the driver's. */
const INSIDE = [
  path.resolve(__dirname, '..'),
  path.dirname(require.resolve('@mongo-offload/worker')),
  driver.folder,
].map((folder) => folder + path.sep);

/** Returns whether a specifier names the driver or one of its files. */
export function asksForDriver(specifier: string): boolean {
  return specifier === 'mongodb' || specifier.startsWith('mongodb/');
}

/**
 * Returns the file that an import of the driver loads.
 *
 * - For the driver that we use, or another copy of the same major version: our package. Imports of single files
 *   (`mongodb/lib/bson`) load that file of the driver that we use, so that each of its classes exists once.
 * - For a copy of another major version: the same file as without us, with a warning.
 *
 * @param importer - the importing file, if there is one
 * @param resolved - the file that Node would load
 */
export function redirect(importer: string | undefined, resolved: string): Redirection {
  if (importer !== undefined && INSIDE.some((folder) => importer.startsWith(folder))) {
    return { file: resolved };
  }
  const copy = copyAround(resolved);
  if (copy === undefined) return { file: resolved };
  if (copy.folder === driver.folder) {
    return { file: resolved === driver.main ? OURS : resolved };
  }
  if (major(copy.version) !== major(driver.version)) {
    const who = packageAround(importer);
    return {
      file: resolved,
      notice: {
        about: `driver ${copy.version} of ${who}`,
        message:
          `${who} uses its own mongodb, version ${copy.version}. @mongo-offload/core cannot replace that major version: ` +
          `it uses mongodb ${driver.version}. So the operations of ${who} run on the main thread. To offload them, make ` +
          `it use mongodb ${major(driver.version)}.`,
      },
    };
  }
  const file =
    resolved === copy.main ? OURS : path.join(driver.folder, path.relative(copy.folder, resolved));
  if (!existsSync(file)) return { file: resolved };
  if (!isNewer(copy.version, driver.version)) return { file };
  const who = packageAround(importer);
  return {
    file,
    notice: {
      about: `driver ${copy.version} of ${who}`,
      message:
        `${who} imports mongodb ${copy.version}, but gets @mongo-offload/core, which uses the older mongodb ` +
        `${driver.version}. Install mongodb ${copy.version} or later in the application.`,
    },
  };
}

function ownDriver(): DriverCopy {
  let manifest: string;
  try {
    manifest = require.resolve('mongodb/package.json');
  } catch (cause) {
    throw new Error(
      '@mongo-offload/core/register did not find the package mongodb. Install it next to @mongo-offload/core.',
      { cause },
    );
  }
  return readCopy(manifest) as DriverCopy;
}

/** Returns the copy of the driver that a file belongs to; undefined if it belongs to another package. */
function copyAround(file: string): DriverCopy | undefined {
  const manifest = manifestAround(file);
  return manifest === undefined ? undefined : readCopy(manifest);
}

function readCopy(manifest: string): DriverCopy | undefined {
  if (!copies.has(manifest)) {
    const { name, version, main } = readManifest(manifest);
    const folder = path.dirname(manifest);
    copies.set(
      manifest,
      name === 'mongodb' && version !== undefined
        ? { folder, version, main: path.resolve(folder, main ?? 'index.js') }
        : undefined,
    );
  }
  return copies.get(manifest);
}

interface Manifest {
  name?: string;
  version?: string;
  main?: string;
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}

/** Returns the nearest package.json with a name. Folders inside a package may have one without. */
function manifestAround(file: string): string | undefined {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest) && readManifest(manifest).name !== undefined) return manifest;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** Returns the name of the package that a file belongs to, for a message. */
function packageAround(file: string | undefined): string {
  const manifest = file === undefined ? undefined : manifestAround(file);
  if (manifest === undefined) return file ?? 'The application';
  const { name, version } = readManifest(manifest);
  return version === undefined ? (name as string) : `${name as string}@${version}`;
}

function major(version: string): string {
  return version.split('.', 1)[0];
}

function isNewer(a: string, b: string): boolean {
  return a.localeCompare(b, 'en', { numeric: true }) > 0;
}
