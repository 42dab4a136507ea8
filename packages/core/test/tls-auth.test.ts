import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

// A mongod of its own, which demands TLS and authentication; certificates made by openssl.

let folder: string;
let mongod: ChildProcess;
let port: number;
const PASSWORD = 'a-secret-that-no-error-may-show';

const file = (name: string): string => path.join(folder, name);

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}

/** A certificate signed by `ca`, with its key in the same file, as MongoDB wants it. */
function certificate(
  name: string,
  ca: string,
  subject: string,
  extensions: string,
  days = 30,
): void {
  writeFileSync(file(`${name}.ext`), extensions);
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    subject,
  );
  openssl(
    ...[
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${ca}.crt`,
      '-CAkey',
      `${ca}.key`,
      '-CAcreateserial',
    ],
    ...['-out', `${name}.crt`, '-days', String(days), '-extfile', `${name}.ext`],
  );
  writeFileSync(
    file(`${name}.pem`),
    readFileSync(file(`${name}.key`), 'utf8') + readFileSync(file(`${name}.crt`), 'utf8'),
  );
}

function authority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
    '-days',
    '30',
    '-subj',
    `/CN=${name}`,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

const url = (host = 'localhost', user = `root:${PASSWORD}@`): string =>
  `mongodb://${user}${host}:${port}/?serverSelectionTimeoutMS=2000`;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'mongo-offload-tls-'));
  authority('ca');
  authority('other');
  certificate('server', 'ca', '/CN=localhost/O=servers', 'subjectAltName=DNS:localhost');
  certificate('client', 'ca', '/CN=someone/O=users', 'extendedKeyUsage=clientAuth');
  const env = { ...process.env };
  delete env.MONGODB_URI;
  // An ES module, which the type checker lets a CommonJS one only import so.
  const { findMongod } = await import('@mongo-offload/mongod');
  const found = await findMongod({ env });
  if (!('binary' in found)) throw new Error('this test starts a mongod of its own');
  port = await freePort();
  mongod = spawn(
    found.binary,
    [
      ...['--port', String(port), '--bind_ip', '127.0.0.1', '--dbpath', folder, '--auth'],
      ...[
        '--tlsMode',
        'requireTLS',
        '--tlsCertificateKeyFile',
        file('server.pem'),
        '--tlsCAFile',
        file('ca.crt'),
      ],
      ...['--tlsAllowConnectionsWithoutCertificates', '--networkMessageCompressors', 'zlib'],
    ],
    { stdio: 'ignore' },
  );
  const first = new native.MongoClient(url('localhost', ''), {
    tls: true,
    tlsCAFile: file('ca.crt'),
    serverSelectionTimeoutMS: 20_000,
  });
  await first.db('admin').command({ createUser: 'root', pwd: PASSWORD, roles: ['root'] });
  await first.close();
  const root = new native.MongoClient(url(), { tls: true, tlsCAFile: file('ca.crt') });
  await root
    .db('$external')
    .command({ createUser: 'O=users,CN=someone', roles: [{ role: 'read', db: 'any' }] });
  await root.close();
}, 60_000);

afterAll(async () => {
  const gone = new Promise((resolve) => mongod.once('exit', resolve));
  mongod.kill('SIGKILL');
  await gone;
  rmSync(folder, { recursive: true, force: true });
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

/** The error of a client's first operation; `connect()` gives the same. */
async function failure(at: string, options: OffloadMongoClientOptions): Promise<native.MongoError> {
  const [viaOperation, viaConnect] = await Promise.all(
    [
      async (client: MongoClient) => await client.db('any').collection('c').findOne(),
      async (client: MongoClient) => await client.connect(),
    ].map(async (attempt) => {
      const outcome = using<unknown>(at, options, attempt);
      return await outcome.then(
        () => undefined,
        (error: unknown) => error as native.MongoError,
      );
    }),
  );
  if (viaOperation === undefined) throw new Error('it should have failed');
  expect(viaConnect?.constructor).toBe(viaOperation.constructor);
  return viaOperation;
}

test('a wrong password fails with the server’s error, which does not show it', async () => {
  const wrong = 'not-the-password';
  const error = await failure(url('localhost', `root:${wrong}@`), {
    tls: true,
    tlsCAFile: file('ca.crt'),
  });
  expect(error).toBeInstanceOf(native.MongoServerError);
  expect(error.code).toBe(18);
  expect(JSON.stringify([error.message, error.stack, error])).not.toContain(wrong);
});

test('waitUntilReady does not try a wrong password again', async () => {
  const started = performance.now();
  await using(
    url('localhost', 'root:wrong@'),
    { tls: true, tlsCAFile: file('ca.crt') },
    async (client) => {
      await expect(client.waitUntilReady({ timeoutMS: 20_000 })).rejects.toThrow(
        native.MongoServerError,
      );
    },
  );
  expect(performance.now() - started).toBeLessThan(10_000);
});

test.each([
  [
    'an authority that is not the server’s',
    () => ({ tls: true, tlsCAFile: file('other.crt') }),
    'localhost',
    /self.signed|unable to verify|signature|issuer/i,
  ],
  [
    'a host name that is not in the certificate',
    () => ({ tls: true, tlsCAFile: file('ca.crt') }),
    '127.0.0.1',
    /altname|does not match/i,
  ],
  ['no TLS', () => ({}), 'localhost', /./],
])('%s is refused', async (_what, options, host, message) => {
  const error = await failure(url(host), options());
  expect(error).toBeInstanceOf(native.MongoServerSelectionError);
  expect(error.message).toMatch(message);
  expect(JSON.stringify([error.message, error.stack, error])).not.toContain(PASSWORD);
});

test('a host name may be let pass', async () => {
  const options = { tls: true, tlsCAFile: file('ca.crt'), tlsAllowInvalidHostnames: true };
  expect(await using(url('127.0.0.1'), options, write)).toBe('x'.repeat(5_000));
});
