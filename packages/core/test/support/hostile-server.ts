import type { Socket } from 'node:net';

import { BSON } from 'mongodb';

import { MessageServer } from './message-server';
import { HELLO, msg, OP_MSG, reply } from './messages';
import type { Poison } from './poison';

/** A server whose answers are broken: to `hello` as well, or to operations only. */
export class HostileServer extends MessageServer {
  /** The next answers. */
  poison: Poison | undefined;
  /** Whether the server poisons answers to `hello` as well. */
  poisonsHello = false;
  /** Number of poisoned answers so far. */
  poisoned = 0;

  static async start(): Promise<HostileServer> {
    return await new HostileServer().listen();
  }

  protected override received(socket: Socket, message: Buffer): void {
    const request = message.readInt32LE(4);
    const isMsg = message.readInt32LE(12) === OP_MSG;
    const isHello = !isMsg || message.includes('hello\0');
    const { poison } = this;
    if (poison === undefined || (isHello && !this.poisonsHello)) {
      const body = isHello ? HELLO : { ok: 1 };
      socket.write(isMsg ? msg(request, body) : reply(request, [BSON.serialize(body)]));
      return;
    }
    this.poisoned++;
    for (const part of poison.bytes(request)) if (!socket.destroyed) socket.write(part);
    if (poison.ends === true) socket.end();
  }
}
