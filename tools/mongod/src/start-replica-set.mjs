// @ts-check
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startProxy } from '@mongo-offload/proxy';
import { MongoClient } from 'mongodb';
import { createDataFolder, deleteDataFolder } from './data-folder.mjs';
import { findMongod } from './find-mongod.mjs';
import { freePort, Member } from './member.mjs';

const name = 'rs0';
const settleTimeout = 60_000;
const helloTimeout = 500;

/** With these, a failover takes one or two seconds instead of twelve. */
const settings = {
  electionTimeoutMillis: 1_000,
  heartbeatIntervalMillis: 200,
  heartbeatTimeoutSecs: 1,
  catchUpTimeoutMillis: 1_000,
};

/**
 * @param {import('../api.d.mts').StartReplicaSetOptions} [options]
 * @returns {Promise<import('../api.d.mts').RunningReplicaSet>}
 */
export async function startReplicaSet({ members: count = 3, args = [], ...findOptions } = {}) {
  const env = { ...(findOptions.env ?? process.env) };
  // Tests kill these servers, so a server of the user must not be one of them.
  delete env.MONGODB_URI;
  const found = await findMongod({ ...findOptions, env });
  if (found.source === 'MONGODB_URI') throw new Error('unreachable: MONGODB_URI was left out');

  const guardian = startGuardian();
  /** @type {Member[]} */
  const members = [];
  /** @type {MongoClient[]} */
  const clients = [];
  /** @type {string[]} */
  const folders = [];
  for (let index = 0; index < count; index++) {
    const folder = createDataFolder();
    folders.push(folder);
    guardian.tell({ folder });
    const port = await freePort();
    // Members use the proxies as well. Faults do not affect them, because only drivers send this text.
    const proxy = await startProxy({ port, only: 'nodejs' });
    const own = ['--bind_ip', '127.0.0.1', '--dbpath', folder, '--replSet', name, ...smallArgs()];
    const member = new Member(found.binary, port, proxy, [...own, ...args], guardian.tell);
    members.push(member);
    clients.push(
      new MongoClient(member.directUri, {
        serverSelectionTimeoutMS: 1_000,
        connectTimeoutMS: 1_000,
        socketTimeoutMS: 5_000,
        heartbeatFrequencyMS: 500,
      }),
    );
  }

  /** @type {Promise<void> | undefined} */
  let stopping;
  const stop = () =>
    (stopping ??= (async () => {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(members.map((member) => member.kill()));
      await Promise.all(members.map(({ proxy }) => proxy.close()));
      folders.forEach(deleteDataFolder);
      guardian.end();
    })());

  const set = {
    uri: `mongodb://${members.map(({ address }) => address).join()}/?replicaSet=${name}`,
    members,
    primary: () => until('a primary', async () => (await primaries(members, clients))[0]),
    settled: () => until('all members in their places', () => settledPrimary(members, clients)),
    async stepDown() {
      const primary = await set.primary();
      const admin = clients[members.indexOf(primary)].db('admin');
      await until('a step-down', () =>
        admin.command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 5 }).then(
          () => true,
          () => false,
        ),
      );
      return primary;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  try {
    await Promise.all(members.map((member) => member.start()));
    await clients[0].db('admin').command({
      replSetInitiate: {
        _id: name,
        members: members.map(({ address }, _id) => ({ _id, host: address })),
        settings,
      },
    });
    await set.settled();
  } catch (error) {
    await stop();
    throw new Error(`no replica set could be made of ${found.binary}`, { cause: error });
  }
  return set;
}

/** Three servers must run alongside a test: little memory, a small oplog, no statistics. */
function smallArgs() {
  const args = ['--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '128', '--setParameter'];
  args.push('diagnosticDataCollectionEnabled=false', '--setParameter', 'enableTestCommands=1');
  return process.platform === 'win32' ? args : [...args, '--nounixsocket'];
}

/**
 * Returns the running members that believe they are primary. For a moment these may be two, until the old one
 * learns of the new one.
 *
 * @param {Member[]} members
 * @param {MongoClient[]} clients
 */
async function primaries(members, clients) {
  const hellos = await Promise.all(members.map((member, at) => hello(member, clients[at])));
  const claims = members.map((member, at) => ({ member, hello: hellos[at] }));
  return claims
    .filter(({ hello: said }) => said?.isWritablePrimary === true)
    .sort((a, b) => termOf(b.hello) - termOf(a.hello))
    .map(({ member }) => member);
}

/**
 * Returns the primary if every running member follows it.
 *
 * @param {Member[]} members
 * @param {MongoClient[]} clients
 */
async function settledPrimary(members, clients) {
  const [primary, second] = await primaries(members, clients);
  if (primary === undefined || second !== undefined) return undefined;
  const running = members.filter((member) => member.isRunning);
  const hellos = await Promise.all(
    running.map((member) => hello(member, clients[members.indexOf(member)])),
  );
  const follow = hellos.every(
    (said) =>
      said !== undefined &&
      said.primary === primary.address &&
      (said.isWritablePrimary === true || said.secondary === true),
  );
  return follow ? primary : undefined;
}

/**
 * @param {Member} member
 * @param {MongoClient} client
 */
async function hello(member, client) {
  if (!member.isRunning) return undefined;
  const answer = client.db('admin').command({ hello: 1 });
  // A paused member would block this call.
  return await Promise.race([answer, delay(helloTimeout, undefined, { ref: false })]).catch(
    () => undefined,
  );
}

/** @param {import('mongodb').Document | undefined} said */
function termOf(said) {
  // The last 12 hex digits of an election id are the term.
  return parseInt(String(said?.electionId ?? '').slice(-12) || '0', 16);
}

/**
 * @template T
 * @param {string} what
 * @param {() => Promise<T | undefined | false>} condition
 * @returns {Promise<T>}
 */
async function until(what, condition) {
  const deadline = Date.now() + settleTimeout;
  for (;;) {
    const met = await condition();
    if (met !== undefined && met !== false) return met;
    if (Date.now() > deadline) throw new Error(`the replica set never had ${what}`);
    await delay(50);
  }
}

function startGuardian() {
  const script = fileURLToPath(new URL('./guardian.mjs', import.meta.url));
  // Its own process group: Ctrl-C must end only this process, and the guardian must run after it.
  const child = spawn(process.execPath, [script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  /** @type {any} */ (child.stdin).unref?.();
  return {
    /** @param {object} news */
    tell: (news) => void child.stdin.write(`${JSON.stringify(news)}\n`),
    end: () => child.stdin.end(),
  };
}
