import { EncodedCall, LARGE } from '../support/internals';

/* The bytes of a call's arguments, in one buffer or several. */

const bytes = (text: string): Buffer<ArrayBuffer> => {
  const buffer = Buffer.from(new ArrayBuffer(text.length));
  buffer.write(text);
  return buffer;
};

function twoParts(own: boolean): EncodedCall {
  const call = new EncodedCall(bytes('-first-'), 1, 6, own);
  call.add(bytes('second-'), 0, 6, own);
  return call;
}

const text = (parts: { buffer: ArrayBuffer; length: number }[]): string[] =>
  parts.map(({ buffer, length }) => Buffer.from(buffer, 0, length).toString());

test('is copied as one piece', () => {
  const call = twoParts(false);
  const target = Buffer.alloc(call.length + 2, '.');
  call.copyTo(target, 1);
  expect(target.toString()).toBe('.firstsecond.');
});

test('is large from 64 KB on, in however many parts', () => {
  const call = new EncodedCall(Buffer.from(new ArrayBuffer(LARGE - 1)), 0, LARGE - 1, true);
  expect(call.isLarge).toBe(false);
  call.add(bytes('.'), 0, 1, true);
  expect(call.isLarge).toBe(true);
});

test('is copied into buffers of its own if it may be sent again, or shares its buffers', () => {
  for (const [own, once] of [
    [true, false],
    [false, true],
    [false, false],
  ]) {
    const call = twoParts(own);
    const parts = call.buffers(once);
    expect(text(parts)).toStrictEqual(['first', 'second']);
    structuredClone(parts, { transfer: parts.map(({ buffer }) => buffer) });
    expect(call.isGone).toBe(false);
  }
});

test('hands its own buffers over if it is sent once, and is gone then', () => {
  const call = new EncodedCall(bytes('first'), 0, 5, true);
  const parts = call.buffers(true);
  expect(text(parts)).toStrictEqual(['first']);
  expect(call.isGone).toBe(false);
  structuredClone(parts, { transfer: parts.map(({ buffer }) => buffer) });
  expect(call.isGone).toBe(true);
});
