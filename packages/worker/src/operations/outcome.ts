import { reencodeRaw } from '../codec';
import { replyBytes } from '../driver';

/** The result of an operation: a JavaScript value, or the bytes of one BSON document. */
export type Outcome =
  | { kind: 'value'; value: unknown }
  /** A document whose only field is the result or, if `whole`, a server's reply that is the result. */
  | { kind: 'raw'; bytes: Uint8Array; whole?: boolean }
  | { kind: 'document'; bytes: Uint8Array | null }
  | { kind: 'done' };

/** Returns a result in the bytes that the server sent: a part of its reply, or the whole reply. */
export function passedThrough(result: unknown): Outcome {
  if (result === null || result === undefined) return { kind: 'value', value: result };
  const bytes = replyBytes(result);
  return bytes ? { kind: 'raw', ...bytes } : { kind: 'raw', bytes: reencodeRaw({ v: result }) };
}

/** Returns the bytes of a reply that the driver did not decode. */
export function ofReply(result: unknown): unknown {
  const reply = result as { toBytes?(): Uint8Array };
  return typeof reply.toBytes === 'function' ? reply.toBytes() : result;
}
