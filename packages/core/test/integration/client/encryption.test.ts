import { createRequire } from 'node:module';

import * as ours from '@mongo-offload/core';
import * as native from 'mongodb';

import { openClients, uri, type Clients } from '../../support/clients';
import { outcome } from '../../support/outcome';
import { warnings, watchWarnings } from '../../support/warnings';

/*
 * Client-side encryption. The module that it needs, mongodb-client-encryption, is optional as in the driver,
 * and native: where it is not installed, only what is said about that is tested.
 */

watchWarnings();

const installed = ((): boolean => {
  try {
    createRequire(require.resolve('mongodb')).resolve('mongodb-client-encryption');
    return true;
  } catch {
    return false;
  }
})();

const KEY_VAULT = 'keys';
const kmsProviders = { local: { key: Buffer.alloc(96, 7) } };
const algorithm = 'AEAD_AES_256_CBC_HMAC_SHA_512-Deterministic';

let clients: Clients;
let keyVaultNamespace: string;

beforeAll(() => {
  clients = openClients();
  keyVaultNamespace = `${clients.dbName}.${KEY_VAULT}`;
});
afterAll(async () => await clients.close());

(installed ? describe.skip : describe)('without the module', () => {
  test('a client and a ClientEncryption say what the driver says', async () => {
    const autoEncryption = { keyVaultNamespace, kmsProviders };
    const made = async ({ MongoClient, ClientEncryption }: typeof native): Promise<unknown[]> => [
      await outcome(() => new MongoClient(uri(), { autoEncryption })),
      await outcome(() => {
        const client = new MongoClient(uri());
        return new ClientEncryption(client, { keyVaultNamespace, kmsProviders });
      }),
    ];
    expect(await made(ours as never)).toStrictEqual(await made(native));
  });
});

(installed ? describe : describe.skip)('with the module mongodb-client-encryption', () => {
  test('explicit encryption through a client of ours: the keys are kept and found in workers', async () => {
    const encryption = new ours.ClientEncryption(clients.ours.client, {
      keyVaultNamespace,
      kmsProviders,
    });
    const keyId = await encryption.createDataKey('local', { keyAltNames: ['explicit'] });
    expect(await encryption.getKeyByAltName('explicit')).toMatchObject({ _id: keyId });
    const things = clients.ours.db.collection('explicit');
    const secret = await encryption.encrypt('hidden', { keyId, algorithm });
    await things.insertOne({ secret });
    const stored = (await things.findOne({ secret }))!;
    expect((stored.secret as native.Binary).sub_type).toBe(6);
    expect(await encryption.decrypt(stored.secret as native.Binary)).toBe('hidden');
    const theirs = new native.ClientEncryption(clients.native.client, {
      keyVaultNamespace,
      kmsProviders,
    });
    expect(await theirs.decrypt(stored.secret as native.Binary)).toBe('hidden');
    expect(warnings()).toHaveLength(0);
  });

  test.each([{ bypassAutoEncryption: true }, { bypassQueryAnalysis: true }])(
    'autoEncryption with %j decrypts what is read, on the main thread, with one warning',
    async (bypass) => {
      globalThis.mainConnections.allow('autoEncryption keeps a client on the main thread');
      const encryption = new native.ClientEncryption(clients.native.client, {
        keyVaultNamespace,
        kmsProviders,
      });
      const keyId = await encryption.createDataKey('local');
      const name = Object.keys(bypass)[0];
      await clients.native.db
        .collection(name)
        .insertOne({ secret: await encryption.encrypt('hidden', { keyId, algorithm }) });
      const read = async ({ MongoClient }: typeof native): Promise<unknown[]> => {
        // The driver puts clients of its own into the object that it is given.
        const autoEncryption = { keyVaultNamespace, kmsProviders, ...bypass };
        const client = new MongoClient(uri(), { autoEncryption });
        const things = client.db(clients.dbName).collection(name);
        const found = await things.find({}, { projection: { _id: 0 } }).toArray();
        await things.updateOne({}, { $set: { seen: true } });
        const one = await things.findOne({}, { projection: { _id: 0, secret: 1 } });
        await client.close();
        await clients.native.db.collection(name).updateOne({}, { $unset: { seen: '' } });
        return [found, one];
      };
      const expected = [[{ secret: 'hidden' }], { secret: 'hidden' }];
      expect(await read(native)).toStrictEqual(expected);
      expect(await read(ours as never)).toStrictEqual(expected);
      const said = warnings().filter((warning) => warning.includes('autoEncryption'));
      // It is said once in a process.
      expect(said).toHaveLength(name === 'bypassAutoEncryption' ? 1 : 0);
    },
  );

  test('strict refuses autoEncryption', () => {
    const autoEncryption = { keyVaultNamespace, kmsProviders, bypassAutoEncryption: true };
    expect(
      () => new ours.MongoClient(uri(), { autoEncryption, offload: { strict: true } }),
    ).toThrow(ours.OffloadOptionError);
  });
});
