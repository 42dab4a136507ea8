import type { Document, MongoClient } from 'mongodb';

/**
 * Makes the server fail commands of one application, and of no other test's that shares it.
 *
 * @param appName - the option `appName` of the client whose commands are to fail
 * @returns a function that switches it off again
 */
export async function failCommand(
  admin: MongoClient,
  appName: string,
  mode: 'alwaysOn' | { times: number },
  data: { failCommands: string[] } & Document,
): Promise<() => Promise<void>> {
  const set = async (to: unknown): Promise<void> => {
    await admin
      .db('admin')
      .command({ configureFailPoint: 'failCommand', mode: to, data: { ...data, appName } });
  };
  await set(mode);
  return async () => await set('off');
}
