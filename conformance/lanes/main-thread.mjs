import { Socket } from 'node:net';
import { internalAppName } from '../formats/context.mjs';

const opQuery = 2004;
const opMsg = 2013;

/** What a driver sends for itself: its handshakes, its monitoring, and the end of its sessions. */
const ownCommands = new Set(['hello', 'ismaster', 'isMaster', 'endSessions']);

/**
 * Watches which commands this thread sends to servers. Only what a driver does here is seen: the
 * sockets of worker threads are not this thread's.
 *
 * @returns {() => string[]} gives the names of those sent since it was last called
 */
export function watchMainThread() {
  /** @type {WeakSet<Socket>} */
  const internal = new WeakSet();
  let seen = new Set();
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the socket below
  const { write } = Socket.prototype;
  Socket.prototype.write = function (...args) {
    const [chunk] = args;
    const command = Buffer.isBuffer(chunk) ? commandOf(chunk) : undefined;
    if (command === undefined || internal.has(this)) return Reflect.apply(write, this, args);
    if (!ownCommands.has(command)) seen.add(command);
    // A connection says in its first command, the handshake, whose it is.
    else if (chunk.includes(internalAppName)) internal.add(this);
    return Reflect.apply(write, this, args);
  };
  return () => {
    const commands = [...seen];
    seen = new Set();
    return commands;
  };
}

/** The command of a message, if it is one: the name of the first field of its body. */
function commandOf(message) {
  const header = 16;
  if (message.length <= header) return undefined;
  switch (message.readInt32LE(12)) {
    // The driver sends nothing but handshakes in this form.
    case opQuery:
      return 'hello';
    case opMsg: {
      // Flags, the kind of the first section, the length of its document, the type of its first field.
      const name = header + 4 + 1 + 4 + 1;
      return message.toString('utf8', name, message.indexOf(0, name));
    }
    default:
      return undefined;
  }
}
