import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { MongoClient } from '@mongo-offload/core';
import * as native from 'mongodb';
import { BSON, type Binary, type Document } from 'mongodb';

import { WireServer, type WireConnection } from '../../support/wire-server';

const run = promisify(execFile);

let server: WireServer;
/** What was signed with which key, as the server was told. */
let authorizations: Document[];

function answer(command: Document, { state }: WireConnection): Document {
  const payload = (): Document => BSON.deserialize((command.payload as Binary).buffer);
  if ('saslStart' in command) {
    const { r: nonce } = payload() as { r: Binary };
    const s = Buffer.concat([nonce.buffer, Buffer.alloc(32, 7)]);
    const challenge = BSON.serialize({ s, h: 'sts.amazonaws.com' });
    return { conversationId: 1, done: false, payload: challenge };
  }
  if ('saslContinue' in command) {
    authorizations.push(payload());
    state.authenticated = true;
    return { conversationId: 1, done: true, payload: Buffer.alloc(0) };
  }
  if ('hello' in command || 'ismaster' in command || state.authenticated === true) return {};
  return { ok: 0, code: 13, errmsg: 'authenticate first' };
}

beforeEach(async () => {
  authorizations = [];
  server = await WireServer.start(answer);
});
afterEach(async () => await server.close());

const url = (): string => `${server.url}&authMechanism=MONGODB-AWS`;

test('without the AWS package the error is the driver’s', async () => {
  const AWS_CREDENTIAL_PROVIDER = async (): Promise<native.AWSCredentials> =>
    await Promise.resolve({ accessKeyId: 'an-id', secretAccessKey: 'a-key' });
  const authMechanismProperties = { AWS_CREDENTIAL_PROVIDER };
  const errors = await Promise.all(
    [
      new MongoClient(url(), { authMechanismProperties, offload: { strict: true } }),
      new native.MongoClient(url(), { authMechanismProperties }),
    ].map(async (client) => {
      const error = await client
        .db('admin')
        .command({ ping: 1 })
        .catch((thrown: unknown) => thrown);
      await client.close();
      return error as Error;
    }),
  );
  expect(errors[0]).toBeInstanceOf(native.MongoAWSError);
  expect(errors[0].constructor).toBe(errors[1].constructor);
  expect(errors[0].message).toBe(errors[1].message);
});

test('with it, the provider is called here and its credentials sign; nothing shows them', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mongo-offload-aws-'));
  try {
    // Of the package, the driver reads no more than that it is there when it is given a provider.
    const name = path.join(folder, '@aws-sdk/credential-providers');
    mkdirSync(name, { recursive: true });
    writeFileSync(path.join(name, 'index.js'), 'exports.fromNodeProviderChain = () => undefined;');
    const program = `
      const { MongoClient } = require(${JSON.stringify(require.resolve('@mongo-offload/core'))});
      const { isMainThread } = require('node:worker_threads');
      const { inspect } = require('node:util');
      const seen = [];
      const note = (what) => seen.push(inspect(what, { depth: Infinity, showHidden: what instanceof Error }));
      let calls = 0;
      const AWS_CREDENTIAL_PROVIDER = async () => {
        if (++calls === 2) throw new RangeError('no more credentials');
        return {
          accessKeyId: isMainThread ? 'on-the-main-thread' : 'elsewhere',
          secretAccessKey: 'a-secret-key-1e5c',
          sessionToken: 'a-session-token-8d20',
          expiration: new Date(),
          more: () => undefined,
        };
      };
      (async () => {
        for (const connect of [true, false]) {
          const client = new MongoClient(${JSON.stringify(url())}, {
            authMechanismProperties: { AWS_CREDENTIAL_PROVIDER },
            offload: { strict: true },
            mongodbLogPath: { write: note },
            mongodbLogComponentSeverities: { default: 'trace' },
            monitorCommands: true,
          });
          for (const event of ['commandStarted', 'commandSucceeded', 'commandFailed']) client.on(event, note);
          await client.db('admin').command({ ping: 1 }).then(
            ({ ok }) => console.log(ok),
            (error) => {
              note(error);
              console.log(error.name, error.message, error.cause.constructor === RangeError);
            },
          );
          note(client);
          note(await client.offload.stats());
          await client.close();
        }
        const all = seen.join();
        console.log(all.includes('Command started'), /secret-key-1e5c|session-token-8d20/.test(all));
      })();`;
    const env = { ...process.env, NODE_PATH: folder };
    const { stdout } = await run(process.execPath, ['-e', program], { env, timeout: 20_000 });
    expect(stdout).toBe('1\nMongoAWSError no more credentials true\ntrue false\n');
    expect(authorizations).toHaveLength(1);
    expect(authorizations[0].a).toMatch(/Credential=on-the-main-thread\//);
    expect(authorizations[0].t).toBe('a-session-token-8d20');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
