import { deflateSync } from 'node:zlib';

import { BSON, Long, ObjectId, Timestamp, type Document } from 'mongodb';

import { framed, HELLO, int32, msg, OP_COMPRESSED, OP_MSG, OP_REPLY, reply } from './messages';

/** What a hostile server sends in place of an answer; it may end the connection after that. */
export interface Poison {
  what: string;
  bytes(request: number): Buffer[];
  /** Ends the connection after the bytes, since the driver would wait for more. */
  ends?: boolean;
  /** The message may be accepted: nothing in it is certain to be an error. */
  mayPass?: boolean;
}

function compressed(
  request: number,
  code: number,
  size: number,
  by: number,
  bytes: Buffer,
): Buffer {
  return framed(request, OP_COMPRESSED, Buffer.concat([int32(code, size), Buffer.of(by), bytes]));
}

type Random = (below: number) => number;

const GOOD = BSON.serialize({
  cursor: { id: Long.ZERO, ns: 'a.b', firstBatch: [{ _id: 1, text: 'text', list: [1, 2] }] },
  n: 1,
  ok: 1,
});

/** Numbers that look random, the same ones in each run. */
export function generator(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function one<T>(random: Random, of: readonly T[]): T {
  return of[random(of.length)];
}

const SIZES = [0, 1, 4, -1, -5, -(2 ** 31), 2 ** 31 - 1, 48_000_001];

/** Messages that no server may send. Each is poison for `hello` and for operations. */
export const MESSAGES: readonly ((random: Random) => Poison)[] = [
  (random) => {
    const length = one(random, [...SIZES, 8, 12, 15]);
    const bytes = (request: number): Buffer[] => [
      framed(request, OP_MSG, Buffer.from(GOOD), length),
    ];
    return { what: `a header with a length of ${length}`, bytes };
  },
  (random) => {
    const length = one(random, [0, 8]);
    const bytes = (): Buffer[] => Array.from({ length: 50 }, () => int32(length, 0));
    return { what: `many headers with a length of ${length}`, bytes };
  },
  (random) => {
    const code = one(random, [0, 2, 3, 2001, 2004, 2010, 2011, 9_999, -1, 2 ** 31 - 1]);
    const bytes = (request: number): Buffer[] => [
      framed(request, code, Buffer.concat([int32(0, 0, 0, 0, 2 ** 31 - 1), GOOD])),
    ];
    return { what: `the operation code ${code}`, bytes };
  },
  (random) => {
    const flags = one(random, [1, 1 | 2, 4, 0x8000, 0xffff]);
    return { what: `the flags ${flags}`, bytes: (request) => [msg(request, GOOD, flags)] };
  },
  (random) => {
    const [size, kind] = [one(random, SIZES), one(random, [0, 0, 0, 1, 2, 255])];
    const section = Buffer.concat([Buffer.of(kind), int32(size), GOOD.subarray(4)]);
    const bytes = (request: number): Buffer[] => [
      framed(request, OP_MSG, Buffer.concat([int32(0), section])),
    ];
    return { what: `a section of kind ${kind} with a size of ${size}`, bytes };
  },
  (random) => {
    const many = one(random, [0, 2, 1_000]);
    const section = Buffer.concat([Buffer.of(0), GOOD]);
    const body = Buffer.concat([int32(0), ...Array.from({ length: many }, () => section)]);
    return { what: `${many} bodies`, bytes: (request) => [framed(request, OP_MSG, body)] };
  },
  (random) => {
    const returned = one(random, [0, -1, 2 ** 31 - 1, 1_000_000, 2]);
    const documents = [Buffer.from(GOOD), int32(one(random, SIZES))];
    return {
      what: `an old reply with ${returned} documents`,
      bytes: (request) => [reply(request, documents, returned)],
    };
  },
  (random) => {
    const length = random(24);
    const body = Buffer.from(Array.from({ length }, () => random(256)));
    const code = one(random, [OP_MSG, OP_REPLY, OP_COMPRESSED]);
    return {
      what: `${length} bytes of operation ${code}`,
      bytes: (request) => [framed(request, code, body)],
    };
  },
  (random) => {
    const inner = Buffer.concat([int32(0), Buffer.of(0), GOOD]);
    const code = one(random, [OP_MSG, OP_MSG, OP_REPLY, OP_COMPRESSED, 0, 9_999]);
    const by = one(random, [0, 1, 2, 3, 4, 255]);
    const size = one(random, [...SIZES, inner.length - 1, inner.length + 1]);
    const content = one(random, [inner, deflateSync(inner), Buffer.of(1, 2, 3), Buffer.alloc(0)]);
    return {
      what: `a compressed message: ${code}, ${size} bytes, by ${by}`,
      bytes: (request) => [compressed(request, code, size, by, content)],
    };
  },
  (random) => {
    const inner = Buffer.alloc(one(random, [20, 100, 3_000]), random(256));
    return {
      what: 'a compressed message without a message in it',
      bytes: (request) => [compressed(request, OP_MSG, inner.length, 2, deflateSync(inner))],
    };
  },
  () => ({
    what: 'a compressed message that is far larger than it says',
    bytes: (request) => [compressed(request, OP_MSG, 1_000, 2, BOMB)],
  }),
  (random) => {
    const bytes = Buffer.from(Array.from({ length: 16 + random(100) }, () => random(256)));
    return { what: 'random bytes', bytes: () => [bytes], ends: true };
  },
  (random) => ({
    what: 'a part of a message',
    bytes: (request) => [msg(request, GOOD).subarray(0, 1 + random(60))],
    ends: true,
  }),
  () => ({ what: 'nothing', bytes: () => [], ends: true }),
  (random) => {
    const bytes = Buffer.from(GOOD);
    const what = random(3);
    if (what === 0) bytes.writeInt32LE(one(random, SIZES), 0);
    else if (what === 1) bytes.fill(0xff, 4);
    else bytes[bytes.length - 1] = 1;
    return { what: 'a body that is no BSON', bytes: (request) => [msg(request, bytes)] };
  },
  (random) => {
    const bytes = Buffer.from(GOOD);
    for (let left = 1 + random(3); left > 0; left--)
      bytes[4 + random(bytes.length - 4)] = random(256);
    return {
      what: 'a body with bytes changed',
      bytes: (request) => [msg(request, bytes)],
      mayPass: true,
    };
  },
  () => ({
    what: 'many answers',
    bytes: (request) => Array.from({ length: 60 }, () => msg(request, { ok: 1 })),
    // Otherwise the others would answer the next operations.
    ends: true,
    mayPass: true,
  }),
];

const BOMB = deflateSync(Buffer.alloc(64 * 1024 * 1024));

const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  NaN,
  'text',
  '',
  [],
  [1],
  [null],
  [''],
  {},
  { a: 1 },
  new Date(0),
  2n ** 62n,
  new ObjectId(),
  new Timestamp({ t: 1, i: 1 }),
  { clusterTime: 1 },
  { processId: 1, counter: 'x' },
];
const FIELDS = [
  'ok',
  'cursor',
  'n',
  'nModified',
  'writeErrors',
  'writeConcernError',
  'code',
  'errmsg',
  'errorLabels',
  '$clusterTime',
  'operationTime',
  'topologyVersion',
  'value',
  'values',
  'upserted',
  'recoveryToken',
];
const CURSOR_FIELDS = [
  'id',
  'ns',
  'firstBatch',
  'nextBatch',
  'atClusterTime',
  'postBatchResumeToken',
];
const HELLO_FIELDS = [
  'ok',
  'hosts',
  'passives',
  'arbiters',
  'me',
  'primary',
  'setName',
  'setVersion',
  'electionId',
  'tags',
  'msg',
  'minWireVersion',
  'maxWireVersion',
  'maxBsonObjectSize',
  'maxMessageSizeBytes',
  'secondary',
  'maxWriteBatchSize',
  'logicalSessionTimeoutMinutes',
  'connectionId',
  'compression',
  'isreplicaset',
  'saslSupportedMechs',
  'lastWrite',
  'topologyVersion',
  '$clusterTime',
  'operationTime',
  'serviceId',
  'isWritablePrimary',
  'speculativeAuthenticate',
  'errmsg',
  'code',
  'errorLabels',
  'arbiterOnly',
];

/** A sound message whose document has fields of wrong types or values. */
export function oddAnswer(random: Random): Poison {
  const answer: Document = { ...BSON.deserialize(GOOD), ok: one(random, [1, 1, 0]) };
  for (let left = 1 + random(3); left > 0; left--) {
    const inCursor = random(2) === 0;
    const value: unknown = one(random, ODD);
    if (!inCursor) answer[one(random, FIELDS)] = value;
    else answer.cursor = { ...(answer.cursor as object), [one(random, CURSOR_FIELDS)]: value };
  }
  return {
    what: `the answer ${JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
    bytes: (request) => [msg(request, answer)],
    mayPass: true,
  };
}

/** The same for an answer to `hello`. */
export function oddHello(random: Random): Poison {
  const hello: Document = { ...HELLO };
  for (let left = 1 + random(3); left > 0; left--)
    hello[one(random, HELLO_FIELDS)] = one(random, ODD);
  return {
    what: `the hello ${JSON.stringify(hello, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
    bytes: (request) =>
      [msg(request, hello), reply(request, [BSON.serialize(hello)])].slice(random(2)),
    mayPass: true,
  };
}
