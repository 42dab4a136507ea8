const said = new Set<string>();

type WarningCode =
  | 'MONGO_OFFLOAD_ON_MAIN'
  | 'MONGO_OFFLOAD_OTHER_DRIVER'
  | 'MONGO_OFFLOAD_FORGOTTEN_SESSION'
  | 'MONGO_OFFLOAD_PARALLEL_OPERATIONS'
  | 'MONGO_OFFLOAD_NOT_AWAITED'
  | 'MONGO_OFFLOAD_LEFT_OPEN';

/** Emits a process warning (type `MongoOffloadWarning`) the first time it is called for `about`. */
export function warnOnce(
  about: string,
  message: string,
  code: WarningCode = 'MONGO_OFFLOAD_ON_MAIN',
): void {
  if (said.has(about)) return;
  said.add(about);
  try {
    process.emitWarning(message, { type: 'MongoOffloadWarning', code });
  } catch {
    // With a frozen Error.prototype Node cannot create its warning, and no operation may fail because of that.
    const warning = Object.create(Error.prototype, {
      name: { value: 'MongoOffloadWarning' },
      message: { value: message },
      code: { value: code },
    }) as Error;
    process.nextTick(() => process.emit('warning', warning));
  }
}

/** The same, once for each line of the program and what it does there. */
export function warnOnceAt(
  line: string | undefined,
  what: string,
  message: string,
  code: WarningCode,
): void {
  warnOnce(`${code} ${what} ${line ?? ''}`, message, code);
}
