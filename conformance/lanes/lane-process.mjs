/*
 * The process of a lane: it is sent the ids of cases, runs one after the other, and says of each when it
 * begins and how it ended.
 *
 * What escapes from a case, as an unhandled rejection does, fails that case. What ends or blocks this
 * process is the lane's to notice.
 */
import { createRequire } from 'node:module';
import { watchMainThread } from './main-thread.mjs';
import { openContext } from '../formats/context.mjs';
import { DeadlineError, within } from '../formats/deadline.mjs';
import { Mismatch, Skip } from '../formats/outcome.mjs';
import { resetServer } from '../formats/unified/clean-up.mjs';
import { discover } from './discover.mjs';

/** @type {unknown[]} */
let escaped = [];
process.on('unhandledRejection', (error) => escaped.push(error));
process.on('uncaughtException', (error) => escaped.push(error));

const { driver, folder, uri, ownServer, monitoring, limit } = JSON.parse(process.argv[2]);
const files = await discover(folder);
const cases = new Map(files.flatMap((file) => file.cases).map((each) => [each.id, each]));
const commandsOnMain = watchMainThread();
const context = await openContext({
  driver: createRequire(import.meta.url)(driver),
  uri,
  ownServer,
  monitoring,
  limit,
});
await resetServer(context);

// It stays open, so that what a driver shares among its clients, as ours does its threads, is not made
// anew for each case.
const keeper = new context.driver.MongoClient(uri);
await keeper.connect();

process.on('message', (ids) => void runAll(ids));
process.on('disconnect', () => process.exit());
process.send({ type: 'ready' });

async function runAll(ids) {
  for (const id of ids) {
    process.send({ type: 'begin', id });
    const start = performance.now();
    const outcome = await runOne(cases.get(id));
    const ms = Math.round(performance.now() - start);
    process.send({ type: 'end', result: { id, ...outcome, ms, onMain: commandsOnMain() } });
  }
  process.send({ type: 'idle' });
}

async function runOne(each) {
  escaped = [];
  try {
    // A case cleans up after its own limit, which takes time too.
    await within(Promise.resolve(each.run(context)), 4 * limit, () => 'the case');
  } catch (error) {
    if (error instanceof Skip) return { status: 'skipped', reason: error.message };
    return { status: 'failed', reason: describe(error) };
  }
  // Rejections that nobody handles are announced in a later turn.
  await new Promise(setImmediate);
  if (escaped.length === 0) return { status: 'passed' };
  return { status: 'failed', reason: `escaped from the case: ${describe(escaped[0])}` };
}

function describe(error) {
  if (error instanceof Mismatch || error instanceof DeadlineError) return error.message;
  const { name, message, stack } = error ?? {};
  const place = String(stack ?? '')
    .split('\n')
    .find((line) => /^\s+at /.test(line));
  return `${name ?? typeof error}: ${message ?? error}${place ? ` (${place.trim()})` : ''}`;
}
