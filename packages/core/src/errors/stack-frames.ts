import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A function, or a class whose constructor runs. */
export type Called = ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown);

/** Captures stacks of up to `frames` frames for `targets`, from whoever called `below`. */
export function capture(targets: object[], below: Called, frames: number): void {
  const { stackTraceLimit } = Error;
  // On a frozen Error this fails without an exception, and Error's own limit holds.
  const isLonger = Reflect.set(Error, 'stackTraceLimit', frames);
  try {
    for (const target of targets) Error.captureStackTrace(target, below);
  } finally {
    if (isLonger) Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

/** `at async name (file:line:column)`; `async`, the name and the parentheses may be absent. */
const FRAME_LINE = /^\s*at (?<async>async )?(?:(?<name>.*) \()?(?<place>.+?):(?<at>\d+:\d+)\)?$/;

/** The parts of one line of a stack's text. */
export interface FrameText {
  isAsync: boolean;
  name: string | undefined;
  file: string;
  /** Line and column. */
  at: string;
}

/** Reads one line of a stack's text; undefined for the message, and for Node's own frames. */
export function frameIn(text: string): FrameText | undefined {
  const { async, name, place, at } = FRAME_LINE.exec(text)?.groups ?? {};
  if (place === undefined || place.startsWith('node:')) return undefined;
  return { isAsync: async !== undefined, name, file: fileOf(place), at };
}

/** Returns the file of a place, which may be a URL. */
export function fileOf(place: string): string {
  return place.startsWith('file:') ? fileURLToPath(place) : place;
}

/** Matches our code. A stack with source maps names the TypeScript sources. */
const OURS = [path.resolve(__dirname, '..'), ...folderOf('@mongo-offload/worker')]
  .flatMap((compiled) => [compiled, path.resolve(compiled, '../src')])
  .map((folder) => folder + path.sep);
let driver: string[] | undefined;

/** Returns the folder of a package's file. A bundle has no such folder: making a client then throws BundledError. */
function folderOf(specifier: string): string[] {
  try {
    return [path.dirname(require.resolve(specifier))];
  } catch {
    return [];
  }
}

/** Whether the file is part of this package or of its workers' code. */
export function isOurs(file: string): boolean {
  return OURS.some((folder) => file.startsWith(folder));
}

/** Whether the file is part of the driver. */
export function isDriver(file: string): boolean {
  driver ??= folderOf('mongodb/package.json').map((folder) => folder + path.sep);
  return driver.some((folder) => file.startsWith(folder));
}
