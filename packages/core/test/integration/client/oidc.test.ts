import { isMainThread } from 'node:worker_threads';

import { MongoClient, WorkerLostError } from '@mongo-offload/core';
import * as native from 'mongodb';

import { killWorkers } from '../../support/crash';
import { IDP_INFO, OidcServer } from '../../support/oidc-server';
import { until } from '../../support/until';

let server: OidcServer;

beforeEach(async () => {
  server = await OidcServer.start();
});
afterEach(async () => await server.close());

type Properties = native.AuthMechanismProperties;

const make = {
  ours: (authMechanismProperties: Properties, user?: string) =>
    new MongoClient(server.url(user), {
      authMechanismProperties,
      offload: { workers: 2, strict: true },
    }),
  native: (authMechanismProperties: Properties, user?: string) =>
    new native.MongoClient(server.url(user), { authMechanismProperties }),
};
const both = Object.keys(make) as (keyof typeof make)[];

const read = async (client: native.MongoClient): Promise<unknown> =>
  await client.db('any').collection('c').findOne();

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return (await promise.then(
    () => {
      throw new Error('it should have failed');
    },
    (error: unknown) => error,
  )) as Error;
}

describe.each(both)('OIDC callbacks, %s', (side) => {
  test('a machine’s is called here, with what the driver tells it', async () => {
    const calls: native.OIDCCallbackParams[] = [];
    await using client = make[side]({
      TOKEN_RESOURCE: 'an-audience,with-a-comma',
      OIDC_CALLBACK: async (params) => {
        expect(isMainThread).toBe(true);
        calls.push(params);
        return await Promise.resolve({ accessToken: server.accept('one'), expiresInSeconds: 60 });
      },
    });
    expect(await read(client)).toStrictEqual({ _id: 1 });
    expect(calls).toStrictEqual([
      {
        timeoutContext: expect.any(AbortSignal) as AbortSignal,
        version: 1,
        tokenAudience: 'an-audience,with-a-comma',
      },
    ]);
    expect(calls[0].timeoutContext.aborted).toBe(false);
    expect(server.shown).toStrictEqual(['one']);
  });

  test('a human’s gets the provider’s description, the user name, and later its own refresh token', async () => {
    const calls: native.OIDCCallbackParams[] = [];
    await using client = make[side](
      {
        OIDC_HUMAN_CALLBACK: async (params) => {
          calls.push(params);
          const accessToken = server.accept(`token-${calls.length}`);
          return await Promise.resolve({ accessToken, refreshToken: `refresh-${calls.length}` });
        },
      },
      'a-person@',
    );
    expect(await read(client)).toStrictEqual({ _id: 1 });
    server.expire('token-1');
    expect(await read(client)).toStrictEqual({ _id: 1 });
    const timeoutContext = expect.any(AbortSignal) as AbortSignal;
    expect(calls).toStrictEqual([
      { timeoutContext, version: 1, username: 'a-person', idpInfo: IDP_INFO },
      {
        timeoutContext,
        version: 1,
        username: 'a-person',
        idpInfo: IDP_INFO,
        refreshToken: 'refresh-1',
      },
    ]);
  });

  test('what it throws is the operation’s error, the very object', async () => {
    class ProviderError extends Error {
      override readonly name = 'ProviderError';
      constructor(readonly status: number) {
        super(`the provider says ${status}`);
      }
    }
    for (const thrown of [
      new ProviderError(503),
      new TypeError('a mistake'),
      new native.MongoAWSError('the driver’s own class'),
    ]) {
      const OIDC_CALLBACK = async (): Promise<native.OIDCResponse> => await Promise.reject(thrown);
      await using first = make[side]({ OIDC_CALLBACK });
      expect(await failureOf(read(first))).toBe(thrown);
      await using second = make[side]({ OIDC_CALLBACK });
      expect(await failureOf(second.connect())).toBe(thrown);
    }
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['text', 'token'],
    ['no accessToken', { refreshToken: 'x' }],
    ['more than a token', { accessToken: 'x', idToken: 'y' }],
    ['a function beside the token', { accessToken: 'x', renew: () => undefined }],
  ])('one that gives %s fails as the driver says', async (_what, response) => {
    await using client = make[side]({
      OIDC_CALLBACK: async () => await Promise.resolve(response as native.OIDCResponse),
    });
    const error = await failureOf(read(client));
    expect(error).toBeInstanceOf(native.MongoMissingCredentialsError);
    expect(error.message).toBe(
      'User provided OIDC callbacks must return a valid object with an accessToken.',
    );
  });

  test('a token that the server refuses is its error; the next operation asks for another', async () => {
    let calls = 0;
    await using client = make[side]({
      OIDC_CALLBACK: async () => await Promise.resolve({ accessToken: `token-${++calls}` }),
    });
    const error = await failureOf(read(client));
    expect(error).toBeInstanceOf(native.MongoServerError);
    expect((error as native.MongoServerError).code).toBe(18);
    server.accept('token-2');
    expect(await read(client)).toStrictEqual({ _id: 1 });
    // A connection shows what it knows in its first message, and once more.
    expect(server.shown).toStrictEqual(['token-1', 'token-1', 'token-1', 'token-2']);
  });

  test('hosts that are not allowed are not asked, nor is the callback', async () => {
    let calls = 0;
    const OIDC_CALLBACK = async (): Promise<native.OIDCResponse> => {
      calls += 1;
      return await Promise.resolve({ accessToken: server.accept('one') });
    };
    const elsewhere = { OIDC_CALLBACK, ALLOWED_HOSTS: ['*.example.com'] };
    await using client = make[side](elsewhere);
    const error = await failureOf(read(client));
    expect(error).toBeInstanceOf(native.MongoInvalidArgumentError);
    expect(error.message).toBe(
      `Host '127.0.0.1:${server.port}' is not valid for OIDC authentication with ALLOWED_HOSTS of '*.example.com'`,
    );
    expect((await failureOf(client.connect())).message).toBe(error.message);
    expect([calls, server.shown]).toStrictEqual([0, []]);
    await using allowed = make[side]({ OIDC_CALLBACK, ALLOWED_HOSTS: ['127.0.0.1'] });
    expect(await read(allowed)).toStrictEqual({ _id: 1 });
  });

  const callback = (): void => undefined;
  test.each<native.Document>([
    { ENVIRONMENT: 'test', OIDC_CALLBACK: callback },
    { OIDC_CALLBACK: callback, ALLOWED_HOSTS: 'localhost' },
    {},
  ])('%j is refused at once', (properties) => {
    const thrown = (): string => {
      try {
        make[side](properties);
      } catch (error) {
        expect(error).toBeInstanceOf(native.MongoInvalidArgumentError);
        return (error as Error).message;
      }
      throw new Error('it was not refused');
    };
    expect(thrown()).toMatch(/ENVIRONMENT|ALLOWED_HOSTS/);
  });
});

describe('one token serves the whole client', () => {
  test('all workers, all kinds of their connections, and workers that come later', async () => {
    let calls = 0;
    await using client = make.ours({
      OIDC_CALLBACK: async () => {
        calls += 1;
        return await Promise.resolve({ accessToken: server.accept(`token-${calls}`) });
      },
    });
    const collection = client.db('any').collection('c');
    await read(client);
    await Promise.all(Array.from({ length: 60 }, () => read(client)));
    await collection.find({}, { tailable: true, awaitData: true }).toArray();
    await client.waitUntilReady();
    expect(calls).toBe(1);
    expect(server.authenticated.size).toBeGreaterThan(2);

    server.expire('token-1');
    await read(client);
    await Promise.all(Array.from({ length: 60 }, () => read(client)));
    expect(calls).toBeLessThanOrEqual(3);

    const before = calls;
    await killWorkers();
    expect(await read(client)).toStrictEqual({ _id: 1 });
    expect(calls).toBe(before);
  });

  test('closed and connected again, it is still known', async () => {
    let calls = 0;
    await using client = make.ours({
      OIDC_CALLBACK: async () => {
        calls += 1;
        return await Promise.resolve({ accessToken: server.accept('one') });
      },
    });
    await read(client);
    await client.close();
    await client.connect();
    await read(client);
    expect(calls).toBe(1);
  });

  test('however many ask at once, the callback runs once at a time', async () => {
    let running = 0;
    let most = 0;
    let calls = 0;
    await using client = make.ours({
      OIDC_CALLBACK: async () => {
        most = Math.max(most, ++running);
        calls += 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
        return { accessToken: server.accept(`token-${calls}`) };
      },
    });
    await Promise.all(Array.from({ length: 40 }, () => read(client)));
    expect(most).toBe(1);
    // As in the driver, connections that are made at the same time may each ask.
    expect(calls).toBeLessThanOrEqual(4);
  });
});

describe('while a callback runs', () => {
  /** A callback that never answers, and its signals. */
  function endless(): { signals: AbortSignal[]; callback: native.OIDCCallbackFunction } {
    const signals: AbortSignal[] = [];
    return {
      signals,
      callback: async ({ timeoutContext }) => {
        signals.push(timeoutContext);
        return await new Promise(() => undefined);
      },
    };
  }

  test('closing the client ends the operation, and aborts the callback', async () => {
    const { signals, callback } = endless();
    const client = make.ours({ OIDC_CALLBACK: callback });
    const failing = failureOf(read(client));
    await until(() => signals.length === 1);
    await client.close();
    expect(await failing).toBeInstanceOf(native.MongoClientClosedError);
    expect(signals[0].aborted).toBe(true);
  });

  test('a worker that dies aborts it; a read asks again from another, a write rejects', async () => {
    const { signals, callback } = endless();
    let answer: native.OIDCCallbackFunction = callback;
    await using client = make.ours({ OIDC_CALLBACK: async (params) => await answer(params) });
    const reading = read(client);
    const writing = failureOf(client.db('any').collection('d').insertOne({}));
    await until(() => signals.length === 1);
    // What a worker has not begun is no lost write: it is run again.
    await until(async () => {
      const { workers } = await client.offload.stats();
      const begun = workers.map(({ inFlight, queued }) => inFlight - queued);
      return begun.reduce((sum, calls) => sum + calls, 0) === 2;
    });
    answer = async () => await Promise.resolve({ accessToken: server.accept('one') });
    await killWorkers();
    expect(await reading).toStrictEqual({ _id: 1 });
    expect(await writing).toBeInstanceOf(WorkerLostError);
    expect(signals[0].aborted).toBe(true);
  });

  test('a signal and a deadline end the operation', async () => {
    const { signals, callback } = endless();
    await using client = make.ours({ OIDC_CALLBACK: callback });
    const collection = client.db('any').collection('c');
    const reason = new Error('enough');
    const controller = new AbortController();
    const failing = failureOf(collection.findOne({}, { signal: controller.signal }));
    await until(() => signals.length === 1);
    controller.abort(reason);
    expect(await failing).toBe(reason);
    const late = collection.findOne({}, { deadlineMS: 50 } as native.FindOptions);
    expect(await failureOf(late)).toMatchObject({ name: 'DeadlineExceededError' });
  });
});
