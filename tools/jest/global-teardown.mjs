// @ts-check

/** Stops the mongod that global-setup.mjs started. */
export default async function globalTeardown() {
  await globalThis.mongodOfThisRun?.stop();
}
