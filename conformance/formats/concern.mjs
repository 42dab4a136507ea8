import { check, Skip } from './outcome.mjs';
import { match } from './unified/match.mjs';
import { ObservedClient } from './unified/observed-client.mjs';

/** Whether a file says which document each concern is sent as. */
export const isConcern = (content) => kindOf(content) !== undefined;

/** The cases of such a file: what is expected is what a command carries. */
export function concernCases(content) {
  const kind = kindOf(content);
  return content.tests.map((test) => ({
    description: test.description,
    run: (context) => expectConcern(kind, test, context),
  }));
}

const kindOf = (content) =>
  ['readConcern', 'writeConcern'].find((kind) => content.tests?.[0]?.[`${kind}Document`]);

async function expectConcern(kind, test, { driver, uri, monitoring }) {
  if (!monitoring) throw new Skip('needs command monitoring');
  const client = new driver.MongoClient(uri, { monitorCommands: true });
  const observed = new ObservedClient(client, { observeEvents: ['commandStartedEvent'] });
  try {
    const collection = client.db('concern').collection('test', { [kind]: test[kind] });
    let result;
    let failure;
    try {
      result = await (kind === 'readConcern' ? collection.findOne() : collection.insertOne({}));
    } catch (error) {
      // A server without such members refuses most concerns, after they were sent.
      failure = error;
    }
    if (!test.valid) return check(failure !== undefined, 'an invalid concern was taken');
    const [event] = observed.commandsStarted();
    if (!event) throw failure;
    const path = `${event.commandName}.${kind}`;
    match(test[`${kind}Document`], event.command[kind] ?? {}, { entities: undefined, path });
    if (test.isAcknowledged === false) check(!result.acknowledged, 'the write is acknowledged');
  } finally {
    await client.close();
  }
}
