import { realpathSync } from 'node:fs';
import path from 'node:path';

/** Flags of Node's that decide how a thread opens sockets, and whether their value may be the next word. */
const NETWORK_FLAGS = new Map([
  ['--dns-result-order', true],
  ['--network-family-autoselection', false],
  ['--no-network-family-autoselection', false],
  ['--enable-network-family-autoselection', false],
  ['--no-enable-network-family-autoselection', false],
  ['--network-family-autoselection-attempt-timeout', true],
  ['--tls-keylog', true],
  ['--tls-min-v1.0', false],
  ['--tls-min-v1.1', false],
  ['--tls-min-v1.2', false],
  ['--tls-min-v1.3', false],
  ['--tls-max-v1.2', false],
  ['--tls-max-v1.3', false],
]);

/**
 * The flags of the program's command line that our workers are started with: those for sockets,
 * which are theirs now. The application's hooks (`--import`, `--require`), its `--eval` and the like
 * are not for them. Flags in NODE_OPTIONS reach every thread by themselves.
 */
export function workerFlags(execArgv: readonly string[] | undefined): string[] {
  const flags: string[] = [];
  // The application may have replaced process.execArgv with something else.
  if (!Array.isArray(execArgv) || !execArgv.every((flag) => typeof flag === 'string')) return flags;
  for (let i = 0; i < execArgv.length; i++) {
    const [name, value] = execArgv[i].split('=', 2);
    const takesValue = NETWORK_FLAGS.get(name);
    if (takesValue === undefined) continue;
    flags.push(execArgv[i]);
    if (takesValue && value === undefined) flags.push(execArgv[++i]);
  }
  return flags;
}

/**
 * Returns the flags with which workers start when the working directory is deleted; none if it exists. Without them,
 * Node fails to start a thread there.
 *
 * @param entry - the file that our workers run
 */
export function flagsWithoutFolder(entry: string): string[] {
  try {
    // Not process.cwd(), which caches its result.
    realpathSync.native('.');
    return [];
  } catch {
    return ['--require', path.join(path.dirname(entry), 'missing-folder.js')];
  }
}

/**
 * Returns the flags with which workers resolve packages by Yarn's Plug'n'Play, if this process does. Its loader reaches
 * no other thread by itself after `node -r ./.pnp.cjs` or `pnpapi.setup()`.
 */
export function plugAndPlayFlags(): string[] {
  if (process.versions.pnp === undefined) return [];
  try {
    return ['--require', require.resolve('pnpapi')];
  } catch {
    return [];
  }
}
