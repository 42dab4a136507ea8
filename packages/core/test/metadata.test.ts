import { openClients, type Clients } from './support/clients';

let clients: Clients;
const appName = `metadata-${process.pid}`;

beforeAll(() => {
  clients = openClients({ appName, driverInfo: { name: 'some-library', version: '1.2' } });
});
afterAll(async () => await clients.close());

test('the server knows us, and the library on us, beside the driver', async () => {
  await clients.ours.db.collection('any').findOne();
  const [connection] = await clients.native.client
    .db('admin')
    .aggregate<{ clientMetadata: { driver: { name: string; version: string } } }>([
      { $currentOp: { allUsers: true, idleConnections: true } },
      { $match: { appName, 'clientMetadata.driver.name': /mongo-offload/ } },
    ])
    .toArray();
  expect(connection.clientMetadata.driver.name).toBe('nodejs|some-library|mongo-offload');
  expect(connection.clientMetadata.driver.version).toMatch(/^7\.\d+\.\d+\|1\.2\|\d+\.\d+\.\d+$/);
});
