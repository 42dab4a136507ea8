const said = new Set<string>();

type WarningCode = 'MONGO_OFFLOAD_ON_MAIN' | 'MONGO_OFFLOAD_OTHER_DRIVER';

/** Emits a process warning (type `MongoOffloadWarning`) the first time it is called for `about`. */
export function warnOnce(
  about: string,
  message: string,
  code: WarningCode = 'MONGO_OFFLOAD_ON_MAIN',
): void {
  if (said.has(about)) return;
  said.add(about);
  process.emitWarning(message, { type: 'MongoOffloadWarning', code });
}
