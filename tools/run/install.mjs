// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, root, run, say, secondsSince } from './step.mjs';

const pnpm = 'pnpm@12.21.0';
const stampFile = path.join(cacheFolder, 'installed');

/**
 * Installs the dependencies of pnpm-lock.yaml, unless they are installed already.
 *
 * npx provides pnpm, so Node and npm are enough. pnpm takes seconds to check whether all is up to date. Comparing a
 * hash of the files that it would read takes milliseconds.
 */
export async function install() {
  const wanted = hashOfInputs();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return;
  say('Installing dependencies (the first time takes up to a minute) …');
  const start = performance.now();
  await run(
    'install',
    'npx',
    ['--yes', pnpm, 'install', '--frozen-lockfile', '--reporter=append-only'],
    {
      quiet: true,
      env: environmentForPnpm(),
    },
  );
  mkdirSync(cacheFolder, { recursive: true });
  writeFileSync(stampFile, wanted);
  say(`Installed in ${secondsSince(start)}.`);
}

/**
 * Packs a workspace package as it would be published, and returns the path of the tarball.
 *
 * @param {string} folder
 * @param {string} destination
 */
export async function pack(folder, destination) {
  const before = new Set(readdirSync(destination));
  await run(`pack ${folder}`, 'npx', ['--yes', pnpm, 'pack', '--pack-destination', destination], {
    quiet: true,
    cwd: path.join(root, folder),
    env: environmentForPnpm(),
  });
  const tarball = readdirSync(destination).find((name) => !before.has(name));
  if (tarball === undefined) throw new Error(`pnpm packed nothing in ${folder}`);
  return path.join(destination, tarball);
}

/** With CI set, pnpm asks no questions, such as whether it may replace another tool's node_modules. */
function environmentForPnpm() {
  return { ...process.env, CI: 'true' };
}

function hashOfInputs() {
  const hash = createHash('sha256').update(
    `${pnpm} ${process.version} ${process.platform} ${process.arch}\n`,
  );
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests()];
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(path.join(root, file)));
  return hash.digest('hex');
}

/** The package.json of each folder that pnpm-workspace.yaml lists. */
function manifests() {
  const folders = ['.', 'examples', 'benchmarks', 'conformance'];
  for (const parent of ['packages', 'tools', 'examples']) {
    for (const entry of listFolder(parent)) {
      if (entry.isDirectory()) folders.push(path.join(parent, entry.name));
    }
  }
  return folders
    .map((folder) => path.join(folder, 'package.json'))
    .filter((file) => existsSync(path.join(root, file)))
    .sort();
}

/** @param {string} folder */
function listFolder(folder) {
  const absolute = path.join(root, folder);
  return existsSync(absolute) ? readdirSync(absolute, { withFileTypes: true }) : [];
}
