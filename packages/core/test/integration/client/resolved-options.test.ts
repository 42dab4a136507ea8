import path from 'node:path';
import { BroadcastChannel, MessageChannel } from 'node:worker_threads';

import { MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';

import { WorkerPool } from '../../support/internals';
import { CHANNEL, plain } from '../../support/resolved-options.cjs';
import { until } from '../../support/until';

/** The driver's table of all its options. */
const { OPTIONS } = jest.requireActual<{ OPTIONS: Record<string, { type?: string }> }>(
  'mongodb/lib/connection_string',
);

/** Nothing listens there. */
const HOST = '127.0.0.1:1';

/** Options that a worker's client has on its own, and why. */
const OWN = [
  // It names this package as well, in its own handshake.
  'metadata',
  'extendedMetadata',
  'additionalDriverInfo',
  'runtime',
  // It logs to the main thread, which has the destination.
  'mongoLoggerOptions',
  'mongodbLogPath',
  'mongodbLogComponentSeverities',
  'mongodbLogMaxDocumentLength',
  // Ids are made on the main thread.
  'pkFactory',
];

/** Values of an option: in the connection string, and in the options object. */
interface Sample {
  inUri?: string[];
  inOptions?: unknown[];
  /** Other options that an option needs. */
  with?: string;
  scheme?: string;
}

const flag: Sample = { inUri: ['true', 'false'], inOptions: [true, false] };
const number: Sample = { inUri: ['7', '1234'], inOptions: [7, 1234] };
const text: Sample = { inUri: ['some'], inOptions: ['some', 'other'] };
const file: Sample = { inUri: ['%2Fno%2Ffile'], inOptions: ['/no/file'] };
const srv = 'mongodb+srv';

const SAMPLES: Record<string, Sample> = {
  appName: text,
  auth: { inOptions: [{ username: 'user', password: 'secret' }] },
  authMechanism: { inUri: ['PLAIN', 'SCRAM-SHA-1'], inOptions: ['PLAIN'], with: 'auth' },
  authMechanismProperties: {
    inUri: ['SERVICE_NAME:other,CANONICALIZE_HOST_NAME:true'],
    inOptions: [{ SERVICE_NAME: 'other' }],
    with: 'gssapi',
  },
  authSource: { ...text, with: 'auth' },
  compressors: { inUri: ['zlib', 'snappy,zlib'], inOptions: [['zlib'], 'zlib'] },
  driverInfo: { inOptions: [{ name: 'library', version: '1' }] },
  enableOverloadRetargeting: flag,
  family: { inUri: ['4', '6'], inOptions: [4, 6] },
  fieldsAsRaw: { inOptions: [{ field: true }] },
  hints: number,
  localAddress: { inOptions: ['127.0.0.1'] },
  loadBalanced: { inUri: ['true'] },
  maxStalenessSeconds: { inUri: ['120'], inOptions: [120], with: 'secondary' },
  minPoolSize: { inUri: ['0', '3'], inOptions: [0, 3] },
  name: text,
  readConcern: { inOptions: [{ level: 'majority' }, new native.ReadConcern('local')] },
  readConcernLevel: { inUri: ['majority'], inOptions: ['local'] },
  readPreference: {
    inUri: ['secondary'],
    inOptions: [
      'nearest',
      { mode: 'secondary', maxStalenessSeconds: 100 },
      new native.ReadPreference('secondary', [{ dc: 'east' }], { maxStalenessSeconds: 99 }),
    ],
  },
  readPreferenceTags: {
    inUri: ['dc:east,rack:1'],
    inOptions: [[{ dc: 'west' }]],
    with: 'secondary',
  },
  serverApi: { inOptions: ['1', { version: '1', strict: true, deprecationErrors: true }] },
  serverMonitoringMode: { inUri: ['poll', 'stream'], inOptions: ['auto', 'poll'] },
  srvAllowedHostsSuffix: { inUri: ['example.com'], inOptions: ['example.com'], scheme: srv },
  srvMaxHosts: { ...number, scheme: srv },
  srvServiceName: { ...text, scheme: srv },
  tlsCAFile: { ...file, with: 'tls' },
  tlsCRLFile: { ...file, with: 'tls' },
  tlsCertificateKeyFile: { ...file, with: 'tls' },
  tlsCertificateKeyFilePassword: { ...text, with: 'tls' },
  servername: text,
  replicaSet: text,
  dbName: { inOptions: ['some'] },
  proxyHost: text,
  proxyPort: { ...number, with: 'proxy' },
  proxyUsername: { ...text, with: 'proxyPassword' },
  proxyPassword: { ...text, with: 'proxyUsername' },
  w: { inUri: ['2', 'majority', '0'], inOptions: [2, 'majority'] },
  writeConcern: {
    inOptions: ['majority', { w: 2, journal: true }, new native.WriteConcern(3, 50)],
  },
  ca: { inOptions: ['pem', Buffer.from('pem')] },
  cert: { inOptions: ['pem', Buffer.from('pem')] },
  crl: { inOptions: ['pem', [Buffer.from('pem')]] },
  key: { inOptions: ['pem', Buffer.from('pem')] },
  pfx: { inOptions: [Buffer.from('pfx')] },
  passphrase: { inOptions: ['secret'] },
  ecdhCurve: { inOptions: ['auto'] },
  ciphers: { inOptions: ['ALL'] },
  minDHSize: { inOptions: [1024] },
  secureProtocol: { inOptions: ['TLS_method'] },
  ALPNProtocols: { inOptions: [['h2'], Buffer.from('h2')] },
  rejectUnauthorized: { inOptions: [true, false] },
  localPort: { inOptions: [12345] },
  session: { inOptions: [Buffer.from('session')] },
  allowPartialTrustChain: { inOptions: [true] },
  autoSelectFamily: { inUri: ['true', 'false'], inOptions: [true, false] },
};

/** Options that keep a client on the main thread, or that only the main thread reads. */
const NOT_HERE = [
  'autoEncryption',
  'checkServerIdentity',
  'lookup',
  'mongodbLogComponentSeverities',
  'mongodbLogMaxDocumentLength',
  'mongodbLogPath',
  'pkFactory',
  'runtimeAdapters',
  'secureContext',
  'srvHostValidator',
];

const BESIDE: Record<string, string> = {
  auth: 'authSource=admin',
  gssapi: 'authMechanism=GSSAPI&authSource=$external',
  secondary: 'readPreference=secondary',
  tls: 'tls=true',
  proxy: 'proxyHost=some',
  proxyPassword: 'proxyHost=some&proxyPassword=secret',
  proxyUsername: 'proxyHost=some&proxyUsername=user',
};

interface Case {
  uri: string;
  options: Record<string, unknown>;
}

function casesOf(name: string): Case[] {
  const { type } = OPTIONS[name];
  const byType: Record<string, Sample> = { boolean: flag, uint: number, int: number, string: text };
  const sample =
    SAMPLES[name] ?? byType[type ?? ''] ?? (/tls|ssl|^j|fsync/.test(name) ? flag : number);
  const { inUri = [], inOptions = [], scheme = 'mongodb', with: beside = '' } = sample;
  const user = ['auth', 'gssapi'].includes(beside) ? 'user:secret@' : '';
  const host = scheme === srv ? 'some.example.com' : HOST;
  const uriWith = (...query: string[]): string =>
    `${scheme}://${user}${host}/?${[BESIDE[beside] ?? '', ...query].filter(Boolean).join('&')}`;
  const cases: Case[] = [];
  for (const value of inUri) cases.push({ uri: uriWith(`${name}=${value}`), options: {} });
  for (const value of inOptions) {
    cases.push({ uri: uriWith(), options: { [name]: value } });
    cases.push({ uri: uriWith(), options: { [name.toUpperCase()]: value, [name]: null } });
    // An option goes before the connection string.
    if (inUri.length > 0) {
      cases.push({ uri: uriWith(`${name}=${inUri[0]}`), options: { [name.toLowerCase()]: value } });
    }
  }
  return cases;
}

let channel: BroadcastChannel;
let keeper: MongoClient;
const reports: Record<string, unknown>[] = [];

beforeAll(async () => {
  channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (message) => {
    reports.push((message as { data: Record<string, unknown> }).data);
  };
  keeper = new MongoClient(`mongodb://${HOST}/?serverSelectionTimeoutMS=1`, {
    offload: { workers: 1 },
  });
  await keeper
    .db('some')
    .command({ ping: 1 })
    .catch(() => undefined);
  for (const thread of WorkerPool.running!.threads) {
    const filename = path.join(__dirname, '../../support/resolved-options.cjs');
    // As Piscina starts it, with a port for tasks: without one the thread would die.
    const { port1: port } = new MessageChannel();
    thread.postMessage({ filename, name: 'default', niceIncrement: 0, port }, [port]);
  }
  await until(() => reports.length > 0);
});
afterAll(async () => {
  await keeper.close(true);
  channel.close();
});

function comparable(options: unknown): Record<string, unknown> {
  const all = Object.entries(plain(options) as Record<string, unknown>);
  return Object.fromEntries(all.filter(([name]) => !OWN.includes(name)));
}

async function inWorker({ uri, options }: Case): Promise<Record<string, unknown>> {
  const client = new MongoClient(uri, options);
  reports.length = 0;
  const { message } = await client
    .db('some')
    .command({ ping: 1 })
    .then(
      () => new Error('it was sent'),
      (error: unknown) => error as Error,
    );
  await client.close(true);
  if (message !== 'reported') throw new Error(`${uri}: ${message}`);
  await until(() => reports.length > 0);
  return comparable(reports[0]);
}

test.each(Object.keys(OPTIONS).filter((name) => !NOT_HERE.includes(name)))(
  'a worker’s client resolves %s as the driver does',
  async (name) => {
    let compared = 0;
    for (const one of casesOf(name)) {
      let expected: Record<string, unknown>;
      try {
        expected = comparable(new native.MongoClient(one.uri, one.options).options);
      } catch (error) {
        // Ours refuses with the driver's error.
        const { name: kind, message } = error as Error;
        expect(() => new MongoClient(one.uri, one.options)).toThrow(
          expect.objectContaining({ name: kind, message }) as Error,
        );
        continue;
      }
      expect(await inWorker(one)).toStrictEqual(expected);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(0);
  },
);
