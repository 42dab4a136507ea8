// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const launchTimeout = 60_000;

/**
 * One mongod of a replica set, behind its proxy: it can be killed, paused, and started again with its data.
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
    /** Past the proxy, to this member alone. */
    this.directUri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
    this.#binary = binary;
    this.#args = args;
    this.#guard = guard;
  }

  get isRunning() {
    return this.#process !== undefined;
  }

  /** Resolves when it takes connections; it may be no member of a set yet. */
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
    // Without this, an executable that is not there would throw.
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
   * Ends it without any warning, as a crash or a lost machine does.
   *
   * @param {NodeJS.Signals} [signal]
   */
  async kill(signal = 'SIGKILL') {
    const child = this.#process;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.ref();
    // One that is paused would hear of nothing else.
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    child.kill(signal);
    await exit;
  }

  /**
   * It accepts connections from now on, since the system does that for it, and never answers. Resolves when it
   * has stopped: until the signal has reached each of its threads, it may answer still.
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
 * Whether all threads of a process have stopped; true where the system does not tell (no /proc).
 *
 * @param {number | undefined} pid
 */
function hasStopped(pid) {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return true;
  return readdirSync(tasks).every((task) => {
    try {
      // Behind the name in brackets, which may hold spaces: the state.
      return readFileSync(`${tasks}/${task}/stat`, 'utf8').split(') ').at(-1)?.startsWith('T');
    } catch {
      // A thread that has ended meanwhile.
      return true;
    }
  });
}

/** A port that nobody listens on. */
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
