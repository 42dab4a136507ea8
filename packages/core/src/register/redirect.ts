import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A package `mongodb` on disk. */
interface DriverCopy {
  readonly folder: string;
  readonly main: string;
  readonly version: string;
}

/** Something that the program should be told once: `about` is what it is known by. */
export interface Notice {
  readonly about: string;
  readonly message: string;
}

/** Where one import is to lead. */
export interface Redirection {
  readonly file: string;
  readonly notice?: Notice;
}

const OURS = path.resolve(__dirname, '../index.js');
/** What each package.json seen so far describes. */
const copies = new Map<string, DriverCopy | undefined>();
const driver = ownDriver();
/** Code that means the driver itself when it says `mongodb`: ours, the worker's and the driver's. */
const INSIDE = [
  path.resolve(__dirname, '..'),
  path.dirname(require.resolve('@mongo-offload/worker')),
  driver.folder,
].map((folder) => folder + path.sep);

/** Whether a specifier asks for the driver, or for a file of it. */
export function asksForDriver(specifier: string): boolean {
  return specifier === 'mongodb' || specifier.startsWith('mongodb/');
}

/**
 * Where an import of the driver leads.
 *
 * - The driver that we stand on, or another copy of the same major version: to us. Its other files
 *   (`mongodb/lib/bson`) lead to the same file of the driver that we stand on, so that each of its
 *   classes exists once.
 * - A copy of another major version: where it led before, with a warning.
 *
 * @param importer - the file that imports, if it is one
 * @param resolved - where Node would have led it
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
          `${who} uses a mongodb of its own, version ${copy.version}, and keeps it: its operations run on the ` +
          `main thread. @mongo-offload/core stands on mongodb ${driver.version}.`,
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
        `${who} asks for mongodb ${copy.version} and is given @mongo-offload/core on mongodb ${driver.version}, ` +
        `which is older. Install mongodb ${copy.version} or later for the program.`,
    },
  };
}

function ownDriver(): DriverCopy {
  let manifest: string;
  try {
    manifest = require.resolve('mongodb/package.json');
  } catch (cause) {
    throw new Error(
      '@mongo-offload/core/register finds no package mongodb. Install it beside @mongo-offload/core.',
      { cause },
    );
  }
  return readCopy(manifest) as DriverCopy;
}

/** The copy of the driver that a file belongs to; undefined where it belongs to another package. */
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

/** The nearest package.json that names a package: folders inside one may have a bare one. */
function manifestAround(file: string): string | undefined {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest) && readManifest(manifest).name !== undefined) return manifest;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** The package that a file belongs to, as a sentence names it. */
function packageAround(file: string | undefined): string {
  const manifest = file === undefined ? undefined : manifestAround(file);
  if (manifest === undefined) return file ?? 'The program';
  const { name, version } = readManifest(manifest);
  return version === undefined ? (name as string) : `${name as string}@${version}`;
}

function major(version: string): string {
  return version.split('.', 1)[0];
}

function isNewer(a: string, b: string): boolean {
  return a.localeCompare(b, 'en', { numeric: true }) > 0;
}
