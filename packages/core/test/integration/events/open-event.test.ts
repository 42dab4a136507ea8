import { MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';

import { uri } from '../../support/clients';
import { until } from '../../support/until';

const open = {
  native: () => new native.MongoClient(uri()),
  ours: () => new MongoClient(uri(), { offload: { workers: 2 } }),
};

interface Emitter {
  on(name: string, listener: () => void): unknown;
}

function topologyOf(client: native.MongoClient): Emitter {
  return (client as unknown as { topology: Emitter }).topology;
}

/** Listens to the events that report a client as connected, on the client or its topology. */
function listen(client: native.MongoClient, which: string, listener: () => void): void {
  const [on, name] = which.split(' ');
  if (on === 'client') client.on(name as 'open', listener);
  else client.on('topologyOpening', () => topologyOf(client).on(name, listener));
}

const EVENTS = ['client open', 'topology open', 'topology connect'];

describe('the events that report a client as connected', () => {
  test('come in the driver’s order, before connect() resolves', async () => {
    const seen = await Promise.all(
      (['native', 'ours'] as const).map(async (side) => {
        await using client = open[side]();
        const order: string[] = [];
        for (const which of EVENTS) listen(client, which, () => order.push(which));
        await client.connect();
        order.push('connected');
        return order;
      }),
    );
    expect(seen[1]).toStrictEqual(seen[0]);
    expect(seen[1]).toStrictEqual([...EVENTS, 'connected']);
  });

  test.each(EVENTS)('a listener of %s may close the client: connect() resolves', async (which) => {
    const seen = await Promise.all(
      (['native', 'ours'] as const).map(async (side) => {
        await using client = open[side]();
        let closed: Promise<void> | undefined;
        listen(client, which, () => {
          closed ??= client.close();
        });
        await client.connect();
        await closed;
        const ping = client.db('admin').command({ ping: 1 });
        return [closed !== undefined, await ping.catch((error: unknown) => String(error))];
      }),
    );
    expect(seen[1]).toStrictEqual(seen[0]);
  });

  test('come once when connect() is called twice, and again when it connects again', async () => {
    await using client = open.ours();
    const order: string[] = [];
    for (const which of EVENTS) listen(client, which, () => order.push(which));
    await Promise.all([client.connect(), client.connect()]);
    expect(order).toStrictEqual(EVENTS);
    await client.close();
    await client.connect();
    expect(order).toStrictEqual([...EVENTS, ...EVENTS]);
  });

  test('do not come when connecting fails', async () => {
    await using client = new MongoClient('mongodb://127.0.0.1:1/', {
      serverSelectionTimeoutMS: 50,
    });
    const order: string[] = [];
    for (const which of EVENTS) listen(client, which, () => order.push(which));
    await expect(client.connect()).rejects.toThrow(native.MongoServerSelectionError);
    expect(order).toStrictEqual([]);
  });
});

test.each(['topologyOpening', 'serverOpening', 'topologyDescriptionChanged'] as const)(
  'monitoring starts once when a listener of %s calls an operation',
  async (event) => {
    await using client = new MongoClient(uri());
    let opened = 0;
    const called: Promise<unknown>[] = [];
    client.on('topologyOpening', () => (opened += 1));
    client.on(event, () => {
      if (called.length < 20) called.push(client.db('admin').command({ ping: 1 }));
    });
    await client.db('admin').command({ ping: 1 });
    await until(() => called.length > 0);
    await Promise.all(called);
    expect(opened).toBe(1);
  },
);
