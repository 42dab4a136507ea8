import type { EventBatch, EventMark, ServerFailure } from '../protocol';
import type { Packed } from './pack';

/** Gathers the events of one turn of the worker's event loop for the lane's next message. */
export class EventOutbox {
  readonly #schedule: () => void;
  #happenings: EventBatch['happenings'] = [];
  #parts: Uint8Array[] = [];
  #length = 0;
  #sent = 0;
  /** Whether any client of the lane has a listener. Without one, calls need no context. */
  active = false;

  constructor(schedule: () => void) {
    this.#schedule = schedule;
  }

  get pending(): boolean {
    return this.#happenings.length > 0;
  }

  get mark(): EventMark {
    return this.#sent === 0 ? undefined : this.#sent;
  }

  add({ happening, documents }: Packed): void {
    this.#happenings.push(happening);
    for (const bytes of documents) {
      this.#parts.push(bytes);
      this.#length += bytes.length;
    }
    this.#schedule();
  }

  /** Adds a failure for the main thread's topology, in order with the events around it. */
  addFailure(failure: ServerFailure): void {
    this.#happenings.push(failure);
    this.#schedule();
  }

  take(): EventBatch {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const batch: EventBatch = { happenings: this.#happenings, bytes: bytes.buffer };
    this.#happenings = [];
    this.#parts = [];
    this.#length = 0;
    this.#sent += 1;
    return batch;
  }
}
