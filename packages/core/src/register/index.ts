/**
 * `node --import @mongo-offload/core/register app.mjs`, or with `--require`: from then on whatever
 * imports or requires `mongodb`, the program and its libraries alike, is given @mongo-offload/core.
 *
 * This file loads neither the driver nor our classes; the program's first import of `mongodb` does.
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

/** What of `node:module` is no public API, or not there in every version of Node that we run on. */
interface NodeModule {
  Module: { _resolveFilename: ResolveFilename };
  /** Since Node 22.15 and 23.5. */
  registerHooks?: (hooks: { resolve: SyncResolve }) => void;
}

const { Module, registerHooks } = nodeModule as unknown as NodeModule;

// NODE_OPTIONS loads this file in our own workers too, where `mongodb` must mean the driver. `--require` also loads it
// in Node's thread for module hooks. Registering hooks from there would wait for itself.
if (!isInOurWorker) {
  redirectRequires();
  redirectImports();
}

/** `require` and `require.resolve`. Other tools replace the same function, so it is chained. */
function redirectRequires(): void {
  const next = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, ...rest) {
    const resolved = next.call(this, request, parent, ...rest);
    if (!asksForDriver(request)) return resolved;
    const { file, notice } = redirect(parent?.filename ?? undefined, resolved);
    if (notice !== undefined) tell(notice);
    return file;
  };
}

/** `import` and `import()`. */
function redirectImports(): void {
  if (registerHooks !== undefined) {
    registerHooks({
      resolve: (specifier, context, nextResolve) =>
        redirectUrl(specifier, context, nextResolve(specifier, context), tell),
    });
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.on('message', tell);
  port1.unref();
  try {
    nodeModule.register('./esm-hooks.js', {
      parentURL: pathToFileURL(__filename),
      data: { port: port2 },
      transferList: [port2],
    });
  } catch (error) {
    // With Yarn's Plug'n'Play but without its ESM loader, no ES module can be imported from a package.
    if (process.versions.pnp === undefined) throw error;
  }
}

function tell({ about, message }: Notice): void {
  warnOnce(about, message, 'MONGO_OFFLOAD_OTHER_DRIVER');
}
