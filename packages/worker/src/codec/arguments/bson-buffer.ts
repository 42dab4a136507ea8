/** The smallest number of bytes by which a buffer grows. */
const LEAST_GROWTH = 4_096;

/** A buffer into which documents are written, one after the other. */
export class BsonBuffer {
  bytes: Buffer<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  /** Where the next document goes. */
  at = 0;
  /** Number of bytes that the open objects will still write without a check for room. */
  reserve = 0;
  /** Start of the document that is being written. */
  protected start = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = viewOf(this.bytes);
  }

  /** Continues in a new buffer, and does not touch the old one again. */
  renew(capacity: number): void {
    this.use(Buffer.allocUnsafeSlow(capacity));
    this.at = 0;
  }

  /**
   * Writes a document whose last element is an already encoded document.
   *
   * @param head - the bytes of the elements before it, its type and its key
   * @param largest - as for `BsonWriter.document`
   */
  wrapped(head: Uint8Array, document: Uint8Array, largest = this.bytes.length): void {
    const length = 4 + head.length + document.length + 1;
    this.makeRoom(length, largest);
    const { bytes, at } = this;
    this.view.setInt32(at, length, true);
    bytes.set(head, at + 4);
    bytes.set(document, at + 4 + head.length);
    this.at = at + length;
    bytes[this.at - 1] = 0;
  }

  /** Makes room for `length` bytes and the reserved ones. It may replace `bytes` and `view`. */
  room(at: number, length: number): void {
    if (at + length + this.reserve > this.bytes.length) this.grow(at, length);
  }

  /** Continues the same document in a larger buffer. All positions stay the same. */
  grow(at: number, length: number): void {
    const old = this.bytes;
    const needed = at + length + this.reserve;
    // Only the document is copied; earlier documents stay in the old buffer.
    this.use(Buffer.allocUnsafeSlow(needed + Math.max(LEAST_GROWTH, needed - this.start)));
    old.copy(this.bytes, this.start, this.start, at);
  }

  protected use(bytes: Buffer<ArrayBuffer>): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  /** Makes room for a whole document, in this buffer or in a new one. */
  protected makeRoom(length: number, largest: number): void {
    if (this.at + length <= this.bytes.length) return;
    this.renew(Math.max(length, Math.min(2 * this.bytes.length, largest)));
  }

  /**
   * Ends a document that outgrew its buffer. The document moves to the front of a buffer of its own. Earlier documents
   * stay in the old buffer.
   */
  protected moveToFront(end: number, capacity: number): void {
    const grown = this.bytes;
    const size = end - this.start;
    this.renew(Math.max(size, capacity));
    grown.copy(this.bytes, 0, this.start, end);
    this.at = size;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(buffer, byteOffset, byteLength);
}
