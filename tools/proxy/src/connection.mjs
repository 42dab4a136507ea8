// @ts-check
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Pieces in which a slow connection sends the bytes of a second. */
const PIECES_PER_SECOND = 50;

/** One connection: the client's socket, the server's socket, and both directions between them. */
export class Connection {
  #client;
  #server;
  #weather;
  #only;
  #ended = new AbortController();
  /** Whether the server has sent data. */
  #answered = false;
  #bytes = 0;
  /** The faults for which the bytes were counted. */
  #counted;
  /** Whether faults affect it; undefined until its first packet. @type {boolean | undefined} */
  #concerned;

  /**
   * @param {import('node:net').Socket} client
   * @param {number} port
   * @param {import('./weather.mjs').Weather} weather
   * @param {string | undefined} only
   * @param {() => void} onEnd
   */
  constructor(client, port, weather, only, onEnd) {
    this.#client = client;
    this.#weather = weather;
    this.#only = only;
    this.#concerned = only === undefined ? true : undefined;
    this.#counted = weather.faults;
    this.#server = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.#ended.signal.addEventListener('abort', onEnd);
    for (const socket of [this.#client, this.#server]) {
      socket.setNoDelay(true);
      // When one side ends, so does the other: an error ends it with an error.
      socket.on('error', () => this.reset());
      socket.on('close', () => this.#close());
    }
    void this.#pass(this.#client, this.#server);
    void this.#pass(this.#server, this.#client);
  }

  get isConcerned() {
    return this.#concerned !== false;
  }

  reset() {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    for (const socket of [this.#client, this.#server]) {
      // Node 20 never closes a socket that is reset while its end is being sent; the thread would then spin for ever.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  #close() {
    if (this.#client.closed && this.#server.closed) this.#ended.abort();
  }

  /**
   * @param {import('node:net').Socket} from
   * @param {import('node:net').Socket} to
   */
  async #pass(from, to) {
    try {
      // A side that has ended its own direction may still receive data.
      for await (const data of from.iterator({ destroyOnReturn: false })) {
        this.#concerned ??= data.includes(this.#only);
        if (this.#concerned) await this.#passUnderFaults(data, from, to);
        else await this.#write(data, to);
      }
      to.end();
    } catch {
      // The proxy or one of the two sides reset the connection.
      this.reset();
    }
  }

  /**
   * @param {Buffer} data
   * @param {import('node:net').Socket} from
   * @param {import('node:net').Socket} to
   */
  async #passUnderFaults(data, from, to) {
    const { signal } = this.#ended;
    await this.#weather.untilItFlows(signal);
    const { faults } = this.#weather;
    if (from === this.#server) this.#answered = true;
    // Refuses a connection after its first packet. If faults affect all connections, the port is closed instead.
    else if (faults.refused && !this.#answered) return this.reset();
    if (faults.delayMS) await delay(faults.delayMS, undefined, { signal });
    const { bytesPerSecond: pace } = faults;
    const piece = pace === undefined ? data.length : Math.ceil(pace / PIECES_PER_SECOND);
    for (let at = 0; at < data.length; at += piece) {
      if (pace !== undefined) await delay(1000 / PIECES_PER_SECOND, undefined, { signal });
      let part = data.subarray(at, at + piece);
      if (from === this.#server) {
        const left = this.#left();
        if (part.length >= left) part = part.subarray(0, left);
        this.#bytes += part.length;
        await this.#write(part, to);
        if (part.length === left) return this.reset();
      } else {
        await this.#write(part, to);
      }
    }
  }

  /** Returns the number of bytes from the server that may still pass. */
  #left() {
    const { faults } = this.#weather;
    if (faults !== this.#counted) {
      this.#counted = faults;
      this.#bytes = 0;
    }
    return (faults.resetAfterBytes ?? Infinity) - this.#bytes;
  }

  /**
   * @param {Uint8Array} data
   * @param {import('node:net').Socket} to
   */
  async #write(data, to) {
    if (!to.write(data)) await once(to, 'drain', { signal: this.#ended.signal });
  }
}
