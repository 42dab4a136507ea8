import { fileURLToPath, pathToFileURL } from 'node:url';
import type { MessagePort } from 'node:worker_threads';

import { asksForDriver, redirect, type Notice } from './redirect';

/** The part of Node's types for module hooks that is used here. */
export interface ResolveContext {
  parentURL?: string;
}
export interface Resolved {
  url: string;
  format?: string | null;
}

/** Redirects a resolved import of the driver, if it is one. */
export function redirectUrl(
  specifier: string,
  { parentURL }: ResolveContext,
  resolved: Resolved,
  warn: (notice: Notice) => void,
): Resolved {
  if (!asksForDriver(specifier) || !resolved.url.startsWith('file:')) return resolved;
  const importer = parentURL?.startsWith('file:') === true ? fileURLToPath(parentURL) : undefined;
  const file = fileURLToPath(resolved.url);
  const redirection = redirect(importer, file);
  if (redirection.notice !== undefined) warn(redirection.notice);
  if (redirection.file === file) return resolved;
  return { ...resolved, url: pathToFileURL(redirection.file).href };
}

// The rest runs in Node's thread for module hooks, where `module.register` loads this file.

let port: MessagePort | undefined;

export function initialize(data: { port: MessagePort }): void {
  port = data.port;
}

export async function resolve(
  specifier: string,
  context: ResolveContext,
  nextResolve: (specifier: string, context: ResolveContext) => Promise<Resolved>,
): Promise<Resolved> {
  const resolved = await nextResolve(specifier, context);
  return redirectUrl(specifier, context, resolved, (notice) => port?.postMessage(notice));
}
