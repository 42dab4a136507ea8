/**
 * Ends the transactions that a test left open. On a server of our own that is every session; elsewhere
 * only the test's, since others use the server too.
 *
 * @param {import('./execute.mjs').RunningTest} test
 */
export async function killSessions({ internal, entities, ownServer }) {
  const admin = internal.db('admin');
  const command = ownServer
    ? { killAllSessions: [] }
    : { killSessions: entities.sessions().map(({ id }) => id) };
  try {
    await admin.command(command);
  } catch (error) {
    // Interrupted is SERVER-38335; Unauthorized is SERVER-54216.
    if (error.code !== 11601 && error.code !== 13) throw error;
  }
}

/**
 * Ends what a process that was lost left on the server.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function resetServer({ internal, ownServer, server }) {
  const admin = internal.db('admin');
  if (server.testCommands) await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
  if (ownServer) await admin.command({ killAllSessions: [] });
}

/** @param {import('./execute.mjs').RunningTest} test */
export async function disableFailPoints({ internal, failPoints }) {
  for (const configureFailPoint of failPoints) {
    await internal.db('admin').command({ configureFailPoint, mode: 'off' });
    failPoints.delete(configureFailPoint);
  }
}
