import { once } from 'node:events';
import { connect } from 'node:net';

import { BSON } from 'mongodb';

import { uri } from './clients';

const OP_MSG = 2013;
const HEADER = 16;

function int32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeInt32LE(value, 4 * i));
  return bytes;
}

/** Inserts documents as these very bytes, which no driver has looked at. */
export async function insertRaw(
  database: string,
  collection: string,
  documents: readonly Uint8Array[],
): Promise<void> {
  const { hostname, port } = new URL(uri());
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, 'connect');
    const command = BSON.serialize({ insert: collection, $db: database });
    const name = Buffer.from('documents\0');
    const size = documents.reduce((all, { length }) => all + length, 4 + name.length);
    const list = [Buffer.of(1), int32(size), name, ...documents];
    const body = Buffer.concat([int32(0), Buffer.of(0), command, ...list]);
    socket.write(Buffer.concat([int32(HEADER + body.length, 1, 0, OP_MSG), body]));
    let reply: Buffer = Buffer.alloc(0);
    while (reply.length < HEADER || reply.length < reply.readInt32LE(0)) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      reply = Buffer.concat([reply, chunk]);
    }
    const { ok, n, writeErrors } = BSON.deserialize(reply.subarray(HEADER + 5));
    if (ok !== 1 || n !== documents.length) throw new Error(JSON.stringify({ ok, n, writeErrors }));
  } finally {
    socket.destroy();
  }
}
