/**
 * `node --import @mongo-offload/core/register app.mjs`, or with `--require`: every later import or require of `mongodb`, by
 * the application or a library, returns @mongo-offload/core.
 *
 * This file loads neither the driver nor our classes. The application's first import of `mongodb` does.
 */
import * as nodeModule from 'node:module';
import { pathToFileURL } from 'node:url';
import { MessageChannel } from 'node:worker_threads';

import { warnOnce } from '../errors/warning';
import { isInOurWorker } from '../pool/threads/our-worker';
import { redirectUrl, type ResolveContext, type Resolved } from './esm-hooks';
import { asksForDriver, redirect, type Notice } from './redirect';

type ResolveFilename = (
  this: unknown,
  request: string,
  parent: { filename?: string | null } | null | undefined,
  ...rest: unknown[]
) => string;

type SyncResolve = (
  specifier: string,
  context: ResolveContext,
  nextResolve: (specifier: string, context: ResolveContext) => Resolved,
) => Resolved;

/** Parts of `node:module` that are private, or missing in some of the supported versions of Node. */
interface NodeModule {
  Module: { _resolveFilename: ResolveFilename };
  /** Since Node 22.15 and 23.5. */
  registerHooks?: (hooks: { resolve: SyncResolve }) => void;
}

const { Module, registerHooks } = nodeModule as unknown as NodeModule;

// NODE_OPTIONS loads this file in our own workers too, where `mongodb` must be the driver. `--require` also loads it in
// Node's thread for module hooks, where registering hooks would wait for itself.
if (!isInOurWorker) {
  redirectRequires();
  redirectImports();
}

/** Redirects `require` and `require.resolve`. Other tools replace the same function, so ours calls the one before. */
function redirectRequires(): void {
  const next = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, ...rest) {
    const resolved = next.call(this, request, parent, ...rest);
    if (!asksForDriver(request)) return resolved;
    const { file, notice } = redirect(parent?.filename ?? undefined, resolved);
    if (notice !== undefined) warn(notice);
    return file;
  };
}

/** Redirects `import` and `import()`. */
function redirectImports(): void {
  if (registerHooks !== undefined) {
    registerHooks({
      resolve: (specifier, context, nextResolve) =>
        redirectUrl(specifier, context, nextResolve(specifier, context), warn),
    });
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.on('message', warn);
  port1.unref();
  try {
    nodeModule.register('./esm-hooks.js', {
      parentURL: pathToFileURL(__filename),
      data: { port: port2 },
      transferList: [port2],
    });
  } catch (error) {
    // With Yarn's Plug'n'Play but without its ESM loader, packages have no importable ES modules, so nothing is missed.
    if (process.versions.pnp === undefined) throw error;
  }
}

function warn({ about, message }: Notice): void {
  warnOnce(about, message, 'MONGO_OFFLOAD_OTHER_DRIVER');
}
