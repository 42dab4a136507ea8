import { openCursor, watch } from './cursor.mjs';

/** Operations on a database. */
export const databaseOperations = {
  aggregate: (database, { pipeline, ...options }) =>
    database.aggregate(pipeline, options).toArray(),

  createChangeStream: watch,

  createCommandCursor: (database, args) => openCursor(commandCursor(database, args)),
  runCursorCommand: (database, args) => commandCursor(database, args).toArray(),
  runCommand: (database, { command, commandName: _, ...options }) =>
    database.command(command, options),

  createCollection: (database, { collection, ...options }) =>
    database.createCollection(collection, options),
  dropCollection: (database, { collection, ...options }) =>
    database.dropCollection(collection, options),
  listCollections: (database, { filter, ...options }) =>
    database.listCollections(filter, options).toArray(),
  async listCollectionNames(database, { filter, ...options }) {
    const collections = await database
      .listCollections(filter, { ...options, nameOnly: true })
      .toArray();
    return collections.map(({ name }) => name);
  },

  // The driver has no method for it; its manual gives this command.
  modifyCollection: (database, { collection, session, ...parameters }) =>
    database.command({ collMod: collection, ...parameters }, { session }),
};

const cursorTypes = {
  nonTailable: {},
  tailable: { tailable: true },
  tailableAwait: { tailable: true, awaitData: true },
};

function commandCursor(
  database,
  {
    command,
    commandName: _,
    batchSize,
    maxTimeMS,
    comment,
    cursorType = 'nonTailable',
    ...options
  },
) {
  const cursor = database.runCursorCommand(command, { ...options, ...cursorTypes[cursorType] });
  if (batchSize !== undefined) cursor.setBatchSize(batchSize);
  if (maxTimeMS !== undefined) cursor.setMaxTimeMS(maxTimeMS);
  if (comment !== undefined) cursor.setComment(comment);
  return cursor;
}
