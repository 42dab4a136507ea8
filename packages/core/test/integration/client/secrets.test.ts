import { tracingChannel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { GridFSBucket, MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { crash } from '../../support/crash';
import { WORKER_POOL_FILE, WorkerPool } from '../../support/internals';
import { OidcServer } from '../../support/oidc-server';
import { shown } from '../../support/shown';
import { until } from '../../support/until';
import { warnings, watchWarnings } from '../../support/warnings';
import { WireServer } from '../../support/wire-server';

/*
 * Passwords, keys and tokens go to the server, and nowhere else: whatever a program may print, log or send
 * to whoever watches it is gathered here, and looked through.
 */

const PASSWORD = 'p@ss/w:rd%of?the#user';
const SECRETS = {
  password: PASSWORD,
  'password, percent-encoded': encodeURIComponent(PASSWORD),
  'proxy password': 'proxy-secret-3f9a',
  'key file password': 'key-file-secret-77b1',
  token: 'token-secret-5d20',
  'refresh token': 'refresh-secret-90ce',
  'master key': Buffer.alloc(96, 'k').toString('base64'),
  'new user’s password': 'new-user-secret-c4e8',
};

const EVENTS = [
  ...['commandStarted', 'commandSucceeded', 'commandFailed'],
  ...['connectionPoolCreated', 'connectionPoolReady', 'connectionPoolCleared'],
  ...['connectionPoolClosed', 'connectionCreated', 'connectionReady', 'connectionClosed'],
  ...['connectionCheckOutStarted', 'connectionCheckOutFailed', 'connectionCheckedOut'],
  ...['serverOpening', 'serverClosed', 'serverDescriptionChanged', 'topologyOpening'],
  ...['topologyClosed', 'topologyDescriptionChanged', 'serverHeartbeatStarted'],
  ...['serverHeartbeatSucceeded', 'serverHeartbeatFailed', 'error', 'close'],
];

let seen: string[];
const note = (...what: unknown[]): void => void seen.push(...what.map(shown));

const channel = tracingChannel('mongo-offload:operation');
const steps = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
const subscribers = Object.fromEntries(steps.map((step) => [step, note])) as unknown as Parameters<
  typeof channel.subscribe
>[0];

watchWarnings();
beforeEach(() => {
  seen = [];
  channel.subscribe(subscribers);
});
afterEach(() => {
  channel.unsubscribe(subscribers);
  note(...warnings());
  const all = seen.join('\n');
  expect(
    Object.entries(SECRETS).flatMap(([name, secret]) => (all.includes(secret) ? [name] : [])),
  ).toStrictEqual([]);
});

/** A client of which everything is gathered: its log, its events. */
function observed(url: string, options: OffloadMongoClientOptions & object = {}): MongoClient {
  const client = new MongoClient(url, {
    monitorCommands: true,
    serverSelectionTimeoutMS: 400,
    mongodbLogPath: { write: (line: object) => note(line) },
    mongodbLogComponentSeverities: { default: 'trace' },
    ...options,
  });
  for (const event of EVENTS) client.on(event as 'close', note);
  return client;
}

/** Uses a client in every way that fails or does not, and gathers what comes of it. */
async function use(client: MongoClient): Promise<unknown[]> {
  const db = client.db('any');
  const collection = db.collection('c');
  const session = client.startSession();
  const attempts: (() => Promise<unknown>)[] = [
    async () => await client.connect(),
    async () => await collection.findOne(),
    async () => await collection.insertOne({ text: 'x' }),
    async () => await collection.find().toArray(),
    async () => await collection.bulkWrite([{ insertOne: { document: {} } }]),
    async () => await client.transaction(async () => await collection.insertOne({})),
    async () => await collection.findOne({}, { session }),
    async () => await collection.watch().tryNext(),
    async () => await client.waitUntilReady({ timeoutMS: 300, onRetry: note }),
  ];
  const results = await Promise.allSettled(attempts.map(async (attempt) => await attempt()));
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  note(...errors, await client.offload.stats({ watch: true }));
  // What is ours to show; what the driver's own objects hold is in docs/observability.md.
  note(client, db, collection, collection.find(), session, client.offload, db.admin());
  note(new GridFSBucket(db), collection.watch());
  await session.endSession();
  await client.close();
  note(client, await client.offload.stats());
  return errors;
}

/** Answers nothing. */
async function silent(): Promise<{ server: Server; port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { server, port: (server.address() as AddressInfo).port, close };
}

const user = `someone:${encodeURIComponent(PASSWORD)}@`;
const refusing = async (): Promise<WireServer> =>
  await WireServer.start((command) =>
    'saslStart' in command || 'saslContinue' in command
      ? { ok: 0, code: 18, codeName: 'AuthenticationFailed', errmsg: 'Authentication failed.' }
      : {},
  );

test('a password in the connection string that the server refuses', async () => {
  await using server = {
    at: await refusing(),
    [Symbol.asyncDispose]: async () => await server.at.close(),
  };
  const url = server.at.url.replace('mongodb://', `mongodb://${user}`);
  const errors = await use(observed(url));
  expect(errors.length).toBeGreaterThan(5);
  expect((errors[1] as native.MongoServerError).code).toBe(18);
  // Not vacuous: the log, the events, and the operations were heard.
  const all = seen.join('\n');
  for (const heard of [
    'Connection checkout failed',
    'ConnectionCheckOutFailedEvent',
    'collection.findOne',
  ]) {
    expect(all).toContain(heard);
  }
});

test('a password among the options that the server refuses', async () => {
  await using server = {
    at: await refusing(),
    [Symbol.asyncDispose]: async () => await server.at.close(),
  };
  const errors = await use(
    observed(server.at.url, { auth: { username: 'someone', password: PASSWORD } }),
  );
  expect((errors[1] as native.MongoServerError).code).toBe(18);
});

test('a server that is not there', async () => {
  const errors = await use(observed(`mongodb://${user}127.0.0.1:1/`));
  expect(errors.length).toBeGreaterThan(5);
  expect(errors[0]).toBeInstanceOf(native.MongoServerSelectionError);
});

test('a proxy with a password', async () => {
  const proxy = { proxyHost: '127.0.0.1', proxyPort: 1, proxyUsername: 'someone' };
  const errors = await use(
    observed('mongodb://127.0.0.1:1/', { ...proxy, proxyPassword: SECRETS['proxy password'] }),
  );
  expect(errors.length).toBeGreaterThan(5);
});

test('a key file with a password, which is no key', async () => {
  const errors = await use(
    observed(`mongodb://${user}127.0.0.1:1/`, {
      tls: true,
      tlsCertificateKeyFile: __filename,
      tlsCertificateKeyFilePassword: SECRETS['key file password'],
    }),
  );
  expect(errors.length).toBeGreaterThan(5);
});

test('OIDC tokens, while they are good and when they are not any more', async () => {
  const server = await OidcServer.start();
  const token = { accessToken: SECRETS.token, refreshToken: SECRETS['refresh token'] };
  const OIDC_CALLBACK = async (): Promise<native.OIDCResponse> => await Promise.resolve(token);
  try {
    server.accept(SECRETS.token);
    const options = { authMechanismProperties: { OIDC_CALLBACK }, offload: { strict: true } };
    const client = observed(server.url(), options);
    expect(await client.db('any').collection('c').findOne()).toStrictEqual({ _id: 1 });
    server.expire(SECRETS.token);
    const errors = await use(client);
    expect(server.shown).toContain(SECRETS.token);
    expect(errors.length).toBeGreaterThan(5);
  } finally {
    await server.close();
  }
});

test.each(['exit', 'throw', 'memory'] as const)('a worker that dies (%s)', async (how) => {
  const server = await silent();
  const client = observed(`mongodb://${user}127.0.0.1:${server.port}/`, {
    serverSelectionTimeoutMS: 20_000,
    offload: { workers: 1, resourceLimits: { maxOldGenerationSizeMb: 64 } },
  });
  try {
    const write = client.db('any').collection('c').insertOne({});
    write.catch(() => undefined);
    await until(async () => {
      const { workers } = await client.offload.stats();
      return workers.some(
        ({ state, inFlight, queued }) => state === 'running' && inFlight > 0 && queued === 0,
      );
    });
    for (const thread of WorkerPool.running!.threads) crash(thread, how);
    const error = await write.catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'MONGO_OFFLOAD_WORKER_LOST' });
    note(error, await client.offload.stats(), client);
  } finally {
    await server.close();
    await client.close();
  }
});

test('a program that a worker’s crash makes print something', async () => {
  const source = `
    const { MongoClient } = require(${JSON.stringify(require.resolve('@mongo-offload/core'))});
    const { WorkerPool } = require(${JSON.stringify(WORKER_POOL_FILE)});
    const client = new MongoClient(process.env.SECRET_URL, { serverSelectionTimeoutMS: 500 });
    console.log(client);
    client.db('any').collection('c').insertOne({});
    setTimeout(() => {
      const filename = ${JSON.stringify(require.resolve('../../support/crash/throw.cjs'))};
      for (const thread of WorkerPool.running.threads) thread.postMessage({ filename, name: 'default', niceIncrement: 0 });
    }, 300);`;
  const SECRET_URL = `mongodb://${user}127.0.0.1:1/`;
  const ran = promisify(execFile)(process.execPath, ['-e', source], {
    env: { ...process.env, SECRET_URL, NODE_DEBUG: 'worker' },
    timeout: 20_000,
  });
  const { stdout, stderr, code } = (await ran.catch((thrown: unknown) => thrown)) as {
    stdout: string;
    stderr: string;
    code: number;
  };
  // The rejection that nothing catches ends it.
  expect(code).toBe(1);
  expect(stdout).toMatch(/MongoClient/);
  expect(stderr).toMatch(/MongoServerSelectionError|WorkerLostError/);
  note(stdout, stderr);
});

test('encryption keys, where they keep a client on the main thread or from being made', () => {
  const autoEncryption = {
    keyVaultNamespace: 'any.keys',
    kmsProviders: { local: { key: SECRETS['master key'] } },
  };
  let error: unknown;
  try {
    note(observed(uri(), { autoEncryption }));
  } catch (thrown) {
    error = thrown;
  }
  // The package that encrypts is not installed here.
  expect(error).toBeInstanceOf(native.MongoMissingDependencyError);
  note(error);
});

test('connection strings that cannot be read: the error is the driver’s', () => {
  for (const url of [
    `mongodb://${user}`,
    `mongodb://${user}host:port/`,
    `mongodb://someone:${PASSWORD}@host/`,
    `mongodb+srv://${user}a,b/`,
    `mongo://${user}host/`,
    `mongodb://${user}host/?noSuchOption=1&tls=maybe`,
    `mongodb://${user}host/?authMechanism=NONE-SUCH`,
  ]) {
    const messages = [MongoClient, native.MongoClient].map((Client) => {
      try {
        new Client(url);
        return undefined;
      } catch (error) {
        if (Client === MongoClient) note(error);
        return (error as Error).message;
      }
    });
    expect(messages[0]).toEqual(expect.any(String));
    expect(messages[0]).toBe(messages[1]);
  }
});

test('the password of a user that is being made', async () => {
  const client = observed(uri(), { serverSelectionTimeoutMS: 10_000 });
  const db = client.db('secrets_test');
  const pwd = SECRETS['new user’s password'];
  try {
    await db.command({ createUser: 'one', pwd, roles: [] });
    const again = await db
      .command({ createUser: 'one', pwd, roles: [] })
      .catch((thrown: unknown) => thrown);
    expect((again as native.MongoServerError).code).toBe(51_003);
    note(again);
  } finally {
    await db.removeUser('one');
    await client.close();
  }
  expect(seen.join()).toContain('createUser');
});

test('what Node shows of a client is what it shows of the driver’s, but for the secrets', async () => {
  const url = `mongodb://${user}127.0.0.1:1/?serverSelectionTimeoutMS=100`;
  const client = new MongoClient(url, { appName: 'a-name' });
  const theirs = new native.MongoClient(url, { appName: 'a-name' });
  await client.connect().catch(() => undefined);
  const text = shown(client);
  expect(text).toMatch(/^MongoClient|MongoClient \{/);
  expect(text).toContain("appName: 'a-name'");
  expect(text).toContain("username: 'someone'");
  expect(text).toContain("password: '<hidden>'");
  // A program that reads them gets them, from either.
  expect(client.options.credentials).toStrictEqual(theirs.options.credentials);
  expect(Object.assign(client, { hung: 'on it' })).toBe(client);
  expect(shown(client)).toContain("hung: 'on it'");
  // What hangs on it may lead back to it; what only stands beside it does not.
  expect(shown([client.db('any'), client])).not.toContain('[Circular]');
  expect(shown(Object.assign(client, { main: client.db('any') }))).toContain('[Circular]');
  note(client);
  await client.close();
});
