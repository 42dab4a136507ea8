import type { MessagePort } from 'node:worker_threads';

import type {
  CloseOptions,
  CursorBatch,
  CursorHandle,
  ErrorEnvelope,
  EventMark,
  NextOptions,
} from '@mongo-offload/worker/protocol';

/** A batch, or the error in its place. `thrown` is set if the worker could send neither. */
export type Answer = (CursorBatch | { error: ErrorEnvelope } | { thrown: Error }) & {
  mark?: EventMark;
};

/** Stands for an answer that can no longer come, because the port has closed. */
export const NO_ANSWER = Symbol('no answer');

/** The answer of Comlink's `expose`: a value, or the error that was thrown. */
type Reply =
  | { id: number; type: 'RAW'; value: unknown }
  | { id: number; type: 'HANDLER'; name: 'throw'; value: { value: { message: string } } };

/**
 * The calling end of a port. At the other end, Comlink exposes a CursorHandle.
 *
 * This class speaks Comlink's protocol itself. Comlink's `wrap` draws its message ids from Math.random. When a test
 * stubs that with a constant, two calls share an id and one of them is never answered.
 */
export class CursorPort {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (reply: Reply | typeof NO_ANSWER) => void>();
  #lastId = 0;
  #closed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.once('close', () => this.end());
    port.on('message', (reply: Reply) => {
      const answered = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      answered?.(reply);
    });
    // The port keeps the process alive only while someone waits for a batch.
    port.unref();
  }

  /** Asks for the next batch; never rejects. */
  async next(options: NextOptions): Promise<Answer | typeof NO_ANSWER> {
    const reply = await this.#call('next', options, options.buffers ?? []);
    if (reply === NO_ANSWER) return NO_ANSWER;
    if (reply.type === 'RAW') return reply.value as Answer;
    const { value: thrown } = reply.value;
    return { thrown: Object.assign(new Error(thrown.message), thrown) };
  }

  /** Closes the cursor at the other end; never rejects. */
  async close(options: CloseOptions): Promise<EventMark> {
    const reply = await this.#call('close', options, []);
    // Without an answer, the worker and its sockets are gone. The server then closes the cursor by itself.
    return reply === NO_ANSWER || reply.type !== 'RAW' ? undefined : (reply.value as EventMark);
  }

  /** Makes the port keep the process alive, or stop doing so. */
  keepAlive(alive: boolean): void {
    if (alive) this.#port.ref();
    else this.#port.unref();
  }

  /** Closes the port. Calls under way resolve with NO_ANSWER. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    for (const answered of this.#waiting.values()) answered(NO_ANSWER);
    this.#waiting.clear();
  }

  #call(
    name: keyof CursorHandle,
    options: NextOptions | CloseOptions,
    transfer: ArrayBuffer[],
  ): Promise<Reply | typeof NO_ANSWER> {
    if (this.#closed) return Promise.resolve(NO_ANSWER);
    const id = ++this.#lastId;
    return new Promise((answered) => {
      this.#waiting.set(id, answered);
      const argumentList = [{ type: 'RAW', value: options }];
      this.#port.postMessage({ id, type: 'APPLY', path: [name], argumentList }, transfer);
    });
  }
}
