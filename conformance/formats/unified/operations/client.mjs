import { watch } from './cursor.mjs';

/** Operations on a client, which is observed. */
export const clientOperations = {
  close: ({ client }) => client.close(),

  clientBulkWrite: ({ client }, { models, ...options }) =>
    client.bulkWrite(
      models.map((entry) => {
        const [[name, model]] = Object.entries(entry);
        return { name, ...model };
      }),
      options,
    ),

  createChangeStream: ({ client }, args) => watch(client, args),

  dropDatabase: ({ client }, { database, ...options }) => client.db(database).dropDatabase(options),

  async listDatabases({ client }, options) {
    return (await client.db().admin().listDatabases(options)).databases;
  },
  async listDatabaseNames({ client }, options) {
    const { databases } = await client
      .db()
      .admin()
      .listDatabases({ ...options, nameOnly: true });
    return databases.map(({ name }) => name);
  },
};
