// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const launchTimeout = 60_000;

/**
 * One mongod of a replica set, with a proxy in front of it. It can be killed, paused, and started again with its
 * data.
 */
export class Member {
  #binary;
  #args;
  #guard;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;

  /**
   * @param {string} binary
   * @param {number} port
   * @param {import('@mongo-offload/proxy').Proxy} proxy
   * @param {string[]} args
   * @param {(news: { started?: number, ended?: number }) => void} guard
   */
  constructor(binary, port, proxy, args, guard) {
    this.port = port;
    this.proxy = proxy;
    this.address = `127.0.0.1:${proxy.port}`;
    /** A connection string for this member alone, without the proxy. */
    this.directUri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
    this.#binary = binary;
    this.#args = args;
    this.#guard = guard;
  }

  get isRunning() {
    return this.#process !== undefined;
  }

  /** Resolves when it accepts connections; it may not be a member of a set yet. */
  async start() {
    if (this.#process !== undefined) return;
    const child = spawn(this.#binary, ['--port', String(this.port), ...this.#args], {
      stdio: 'ignore',
    });
    this.#process = child;
    const { pid } = child;
    if (pid !== undefined) this.#guard({ started: pid });
    child.once('exit', () => {
      if (this.#process === child) this.#process = undefined;
      if (pid !== undefined) this.#guard({ ended: pid });
    });
    // Without a listener, a missing executable would crash this process.
    child.once('error', () => (this.#process = undefined));
    child.unref();
    const deadline = Date.now() + launchTimeout;
    while (!(await takesConnections(this.port))) {
      if (this.#process !== child) throw new Error(`mongod (${this.#binary}) ended as it started`);
      if (Date.now() > deadline) throw new Error(`mongod (${this.#binary}) did not start`);
      await delay(20);
    }
  }

  /**
   * Kills it without a warning, like a crash or a lost machine.
   *
   * @param {NodeJS.Signals} [signal]
   */
  async kill(signal = 'SIGKILL') {
    const child = this.#process;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.ref();
    // A paused process reacts to no other signal.
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    child.kill(signal);
    await exit;
  }

  /**
   * Pauses it: the system still accepts its connections, but it never answers. Resolves when the signal has stopped
   * each of its threads, because until then it may still answer.
   */
  async pause() {
    const child = this.#process;
    if (child === undefined) return;
    child.kill('SIGSTOP');
    while (this.#process === child && !hasStopped(child.pid)) await delay(5);
  }

  resume() {
    this.#process?.kill('SIGCONT');
  }
}

/**
 * Whether all threads of a process have stopped; true without /proc.
 *
 * @param {number | undefined} pid
 */
function hasStopped(pid) {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return true;
  return readdirSync(tasks).every((task) => {
    try {
      // The state comes after the name in brackets, which may contain spaces.
      return readFileSync(`${tasks}/${task}/stat`, 'utf8').split(') ').at(-1)?.startsWith('T');
    } catch {
      // The thread has ended meanwhile.
      return true;
    }
  });
}

/** Returns a free port. */
export async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/** @param {number} port */
async function takesConnections(port) {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
