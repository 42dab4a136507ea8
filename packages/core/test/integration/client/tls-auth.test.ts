import { readFileSync } from 'node:fs';

import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

import { Certificates } from '../../support/certificates';
import { shown } from '../../support/shown';
import { TlsFront } from '../../support/tls-front';
import { TlsMongod } from '../../support/tls-mongod';

// A server of its own, which demands TLS and authentication.

let certificates: Certificates;
let server: TlsMongod;
/** Keeps the worker threads from test to test. */
let keeper: MongoClient;
/** The same server behind a certificate that has expired. */
let expired: TlsFront;
const PASSWORD = 'a-secret-that-no-error-may-show';
const KEY_PASSWORD = 'another-secret-of-a-key-file';

const file = (name: string): string => certificates.file(name);

const url = (host = 'localhost', user = `root:${PASSWORD}@`): string => server.url({ host, user });

const behindExpired = (): string => server.url({ user: `root:${PASSWORD}@`, port: expired.port });

beforeAll(async () => {
  certificates = new Certificates();
  certificates.authority('ca');
  certificates.authority('other');
  const name = 'subjectAltName=DNS:localhost';
  certificates.certificate('server', 'ca', '/CN=localhost/O=servers', name);
  certificates.certificate('expired', 'ca', '/CN=localhost/O=servers', name, -1);
  certificates.certificate('client', 'ca', '/CN=someone/O=users', 'extendedKeyUsage=clientAuth');
  certificates.certificate('late', 'ca', '/CN=someone/O=users', 'extendedKeyUsage=clientAuth', -1);
  certificates.certificate('stranger', 'other', '/CN=no/O=one', 'extendedKeyUsage=clientAuth');
  certificates.locked('locked', 'client', KEY_PASSWORD);
  server = await TlsMongod.start(certificates, 'server', PASSWORD);
  expired = await TlsFront.start(certificates, 'expired', server.port);
  const root = new native.MongoClient(url(), { tls: true, tlsCAFile: file('ca.crt') });
  await root
    .db('$external')
    .command({ createUser: 'O=users,CN=someone', roles: [{ role: 'read', db: 'any' }] });
  await root.close();
  keeper = new MongoClient(url(), { tls: true, tlsCAFile: file('ca.crt') });
  await keeper.connect();
});

afterAll(async () => {
  await keeper.close();
  await expired.stop();
  await server.stop();
  certificates.remove();
});

async function using<T>(
  at: string,
  options: OffloadMongoClientOptions,
  work: (client: MongoClient) => Promise<T>,
): Promise<T> {
  const client = new MongoClient(at, options);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

const write = async (client: MongoClient): Promise<unknown> => {
  const { insertedId } = await client
    .db('any')
    .collection('c')
    .insertOne({ text: 'x'.repeat(5_000) });
  return (await client.db('any').collection('c').findOne({ _id: insertedId }))?.text;
};

test('TLS by a file, by a Buffer and by the connection string; with a password, compressed', async () => {
  const ca = readFileSync(file('ca.crt'));
  const text = 'x'.repeat(5_000);
  expect(await using(url(), { tls: true, tlsCAFile: file('ca.crt') }, write)).toBe(text);
  expect(await using(url(), { tls: true, ca }, write)).toBe(text);
  const inUrl = `${url()}&tls=true&tlsCAFile=${encodeURIComponent(file('ca.crt'))}&compressors=zlib`;
  expect(await using(inUrl, {}, write)).toBe(text);
  const auth = { username: 'root', password: PASSWORD };
  expect(await using(url('localhost', ''), { tls: true, ca, auth }, write)).toBe(text);
});

test('X.509: the client’s certificate is its name', async () => {
  const options = {
    tls: true,
    tlsCAFile: file('ca.crt'),
    tlsCertificateKeyFile: file('client.pem'),
    authMechanism: 'MONGODB-X509' as const,
  };
  const status = await using(url('localhost', ''), options, (client) =>
    client.db('admin').command({ connectionStatus: 1 }),
  );
  const { authInfo } = status as { authInfo: { authenticatedUsers: { user: string }[] } };
  expect(authInfo.authenticatedUsers[0].user).toBe('O=users,CN=someone');
});

type AnyClient = native.MongoClient;

/** What a client of ours and one of the driver's fail with: the first operation's, and `connect()`'s, in a worker. */
async function failures(
  at: string,
  options: native.MongoClientOptions,
): Promise<{ ours: native.MongoError; viaConnect: native.MongoError; drivers: native.MongoError }> {
  const all = { ...options, serverSelectionTimeoutMS: 1_000 };
  const ours = (): AnyClient => new MongoClient(at, { ...all, offload: { strict: true } });
  const attempts: [make: () => AnyClient, (client: AnyClient) => Promise<unknown>][] = [
    [ours, findOne],
    [ours, (client) => client.connect()],
    [() => new native.MongoClient(at, all), findOne],
  ];
  const [viaOperation, viaConnect, drivers] = await Promise.all(
    attempts.map(async ([make, attempt]) => {
      const client = make();
      try {
        await attempt(client);
      } catch (error) {
        return error as native.MongoError;
      } finally {
        await client.close();
      }
      throw new Error('it should have failed');
    }),
  );
  return { ours: viaOperation, viaConnect, drivers };
}

const findOne = async (client: AnyClient): Promise<unknown> =>
  await client.db('any').collection('c').findOne();

/** Where nobody answers the client, and the driver's words for it. */
test.each<[string, () => [at: string, options: native.MongoClientOptions], RegExp]>([
  [
    'an authority that is not the server’s',
    () => [url(), { tls: true, tlsCAFile: file('other.crt') }],
    /self.signed|unable to verify|signature|issuer/i,
  ],
  [
    'an authority that Node does not know',
    () => [url(), { tls: true }],
    /self.signed|unable to verify|signature|issuer/i,
  ],
  [
    'a host name that is not in the certificate',
    () => [url('127.0.0.1'), { tls: true, tlsCAFile: file('ca.crt') }],
    /altname|does not match/i,
  ],
  [
    'a certificate that has expired',
    () => [behindExpired(), { tls: true, tlsCAFile: file('ca.crt') }],
    /certificate has expired/,
  ],
  [
    'a client’s certificate that has expired',
    () => [
      url(),
      { tls: true, tlsCAFile: file('ca.crt'), tlsCertificateKeyFile: file('late.pem') },
    ],
    /./,
  ],
  [
    'a client’s certificate of another authority',
    () => [
      url(),
      { tls: true, tlsCAFile: file('ca.crt'), tlsCertificateKeyFile: file('stranger.pem') },
    ],
    /./,
  ],
  ['no TLS', () => [url(), {}], /./],
])('%s is refused, with the driver’s class and words', async (_what, make, message) => {
  const [at, options] = make();
  const { ours, viaConnect, drivers } = await failures(at, options);
  for (const error of [ours, viaConnect]) {
    expect(error).toBeInstanceOf(native.MongoServerSelectionError);
    expect(error.constructor).toBe(drivers.constructor);
    expect(error.message).toMatch(message);
    expect(shown(error)).not.toContain(PASSWORD);
  }
  // What went wrong is the same to both; a socket's own words for a connection that ends may differ.
  expect(drivers.message).toMatch(message);
  expect(causeNames(ours)).toStrictEqual(causeNames(drivers));
});

function causeNames(error: native.MongoError): string[] {
  const names: string[] = [];
  for (let at: unknown = error; at !== undefined; at = (at as Error).cause) {
    names.push((at as Error).name);
  }
  return names;
}

/** Where the server or the driver knows better than to go on. */
test.each<[string, () => [at: string, options: native.MongoClientOptions], string[]]>([
  [
    'a wrong password',
    () => [url('localhost', 'root:not-the-password@'), { tls: true, tlsCAFile: file('ca.crt') }],
    ['not-the-password'],
  ],
  [
    'a wrong password of odd characters',
    () => [
      url('localhost', `root:${encodeURIComponent('n@t/the:password')}@`),
      { tls: true, tlsCAFile: file('ca.crt') },
    ],
    ['n@t/the:password', encodeURIComponent('n@t/the:password')],
  ],
  [
    'a user that does not exist',
    () => [
      url('localhost', ''),
      {
        auth: { username: 'nobody', password: PASSWORD },
        tls: true,
        tlsCAFile: file('ca.crt'),
      },
    ],
    [PASSWORD],
  ],
  [
    'a certificate that is no user’s',
    () => [
      url('localhost', ''),
      {
        authMechanism: 'MONGODB-X509' as const,
        tls: true,
        tlsCAFile: file('ca.crt'),
        tlsCertificateKeyFile: file('server.pem'),
      },
    ],
    ['PRIVATE KEY'],
  ],
  [
    'a mechanism that the server does not have',
    () => [url(), { authMechanism: 'PLAIN' as const, tls: true, tlsCAFile: file('ca.crt') }],
    [PASSWORD],
  ],
])('%s fails with the server’s error, which shows no secret', async (_what, make, secrets) => {
  const [at, options] = make();
  const { ours, viaConnect, drivers } = await failures(at, options);
  for (const error of [ours, viaConnect]) {
    expect(error).toBeInstanceOf(native.MongoServerError);
    expect(error.constructor).toBe(drivers.constructor);
    expect([error.code, error.message]).toStrictEqual([drivers.code, drivers.message]);
    for (const secret of secrets) expect(shown(error)).not.toContain(secret);
  }
});

test('a key file that takes a password: with it, and with another', async () => {
  const options = {
    tls: true,
    tlsCAFile: file('ca.crt'),
    tlsCertificateKeyFile: file('locked.pem'),
    tlsCertificateKeyFilePassword: KEY_PASSWORD,
    authMechanism: 'MONGODB-X509' as const,
  };
  const ping = async (client: MongoClient): Promise<unknown> =>
    await client.db('admin').command({ ping: 1 });
  expect(await using(url('localhost', ''), options, ping)).toMatchObject({ ok: 1 });
  const wrong = { ...options, tlsCertificateKeyFilePassword: 'a-wrong-key-password' };
  const { ours, viaConnect, drivers } = await failures(url('localhost', ''), wrong);
  for (const error of [ours, viaConnect]) {
    expect(error.constructor).toBe(drivers.constructor);
    expect(error.message).toBe(drivers.message);
    expect(shown(error)).not.toContain('a-wrong-key-password');
  }
});

test('waitUntilReady does not try a wrong password again', async () => {
  const tries: Error[] = [];
  await using(
    url('localhost', 'root:wrong@'),
    { tls: true, tlsCAFile: file('ca.crt') },
    async (client) => {
      const ready = client.waitUntilReady({
        timeoutMS: 20_000,
        onRetry: (error) => void tries.push(error),
      });
      await expect(ready).rejects.toThrow(native.MongoServerError);
    },
  );
  expect(tries).toStrictEqual([]);
});

test('a host name may be let pass', async () => {
  const options = { tls: true, tlsCAFile: file('ca.crt'), tlsAllowInvalidHostnames: true };
  expect(await using(url('127.0.0.1'), options, write)).toBe('x'.repeat(5_000));
});

test('a certificate may be let pass, though it has expired', async () => {
  const options = { tls: true, tlsAllowInvalidCertificates: true };
  expect(await using(behindExpired(), options, write)).toBe('x'.repeat(5_000));
});
