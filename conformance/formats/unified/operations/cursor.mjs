/** Operations on a cursor or a change stream. */
export const cursorOperations = {
  iterateUntilDocumentOrError: (cursor) => cursor.next(),
  iterateOnce: (cursor) => cursor.tryNext(),
  // The format asks to suppress what closing throws.
  close: (cursor) => cursor.close().catch(() => {}),
};

/** Sends the command of a cursor, and leaves its first document to whoever iterates. */
export async function openCursor(cursor) {
  await cursor.hasNext();
  return cursor;
}

/**
 * Opens a change stream and waits until it is open on the server.
 *
 * The public API has no way to wait for that without iterating, which would send a `getMore` too many.
 * `cursorInit` is what the driver has for this very operation.
 */
export async function watch(watchable, { pipeline, ...options }) {
  const stream = watchable.watch(pipeline, options);
  await stream.cursor.cursorInit();
  return stream;
}
