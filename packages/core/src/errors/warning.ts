const said = new Set<string>();

/** Emits a process warning (type `MongoOffloadWarning`) the first time it is called for `about`. */
export function warnOnce(about: string, message: string): void {
  if (said.has(about)) return;
  said.add(about);
  process.emitWarning(message, { type: 'MongoOffloadWarning', code: 'MONGO_OFFLOAD_ON_MAIN' });
}
