import dns from 'node:dns';

import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { DnsServer } from '../../support/dns-server';
import { outcome } from '../../support/outcome';

/*
 * `mongodb+srv`: the servers are found by a name server, which a test asks for real. `dns.setServers` holds
 * for one thread; the program calls it on the main thread, and its workers ask the same server.
 */

const SUFFIX = 'cluster.example.test';
let names: DnsServer;
let servers: string[];

beforeAll(async () => {
  const { options } = new native.MongoClient(uri());
  const [{ port }] = options.hosts as { port: number }[];
  const here = { host: '127.0.0.1', port };
  names = await DnsServer.start({
    srv: {
      [`_mongodb._tcp.${SUFFIX}`]: [here],
      [`_custom._tcp.${SUFFIX}`]: [here],
      [`_mongodb._tcp.many.example.test`]: [here, { host: '127.0.0.1', port: 1 }],
      [`_mongodb._tcp.wrong.example.test`]: [here],
    },
    txt: {
      [SUFFIX]: `replicaSet=${options.replicaSet ?? 'rs0'}&authSource=admin`,
      'wrong.example.test': 'socketTimeoutMS=500',
    },
  });
  servers = dns.getServers();
  dns.setServers([names.address]);
});
afterAll(async () => {
  dns.setServers(servers);
  await names.close();
});
beforeEach(() => {
  names.asked.length = 0;
});

const url = (host: string): string => `mongodb+srv://${host}/?tls=false`;
// The servers' name is their address: nothing else than the name server is asked, and not for it.
const OPTIONS = { srvAllowedHostsSuffix: '.0.0.1', serverSelectionTimeoutMS: 5_000 };

async function pinged(host: string, options: OffloadMongoClientOptions = {}): Promise<unknown> {
  const client = new MongoClient(url(host), { ...OPTIONS, ...options });
  try {
    return await client.db('srv').command({ ping: 1 }, {});
  } finally {
    await client.close();
  }
}

test('servers are found in the worker, and by the main thread’s monitoring', async () => {
  const client = new MongoClient(url(SUFFIX), OPTIONS);
  await client.connect();
  expect(await client.db('srv').command({ ping: 1 })).toMatchObject({ ok: 1 });
  const of = (question: string): number => names.asked.filter((one) => one === question).length;
  // One thread asks once: the worker that served, and the main thread.
  expect(of(`SRV _mongodb._tcp.${SUFFIX}`)).toBe(2);
  expect(of(`TXT ${SUFFIX}`)).toBe(2);
  await client.close();
});

test('srvServiceName', async () => {
  expect(await pinged(SUFFIX, { srvServiceName: 'custom' })).toMatchObject({ ok: 1 });
  expect(new Set(names.asked)).toStrictEqual(
    new Set([`SRV _custom._tcp.${SUFFIX}`, `TXT ${SUFFIX}`]),
  );
});

test('srvMaxHosts takes so many of the servers', async () => {
  const client = new MongoClient(url('many.example.test'), { ...OPTIONS, srvMaxHosts: 1 });
  // Which one is chance; the driver says no more than that it found one of them.
  await client
    .db('srv')
    .command({ ping: 1 })
    .catch(() => undefined);
  expect(client.options.srvMaxHosts).toBe(1);
  expect(names.asked).toContain('SRV _mongodb._tcp.many.example.test');
  await client.close();
});

test.each([
  ['a name that there is not', 'nowhere.example.test', OPTIONS],
  ['a text record with other options', 'wrong.example.test', OPTIONS],
  ['a server of another domain', SUFFIX, {}],
  ['srvMaxHosts with a replica set', SUFFIX, { ...OPTIONS, srvMaxHosts: 1 }],
])('%s fails as in the driver', async (_what, host, options) => {
  const of = async (Client: typeof native.MongoClient): Promise<unknown> => {
    const client = new Client(url(host), options);
    const result = await outcome(() => client.db('srv').command({ ping: 1 }));
    await client.close();
    return result;
  };
  const driver = await of(native.MongoClient);
  expect(driver).toHaveProperty('rejected');
  expect(await of(MongoClient)).toStrictEqual(driver);
});
