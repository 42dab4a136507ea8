import { crc32c } from '../support/internals';

/* The checksum of messages, as RFC 3720 gives it for some bytes (appendix B.4). */

const counted = Uint8Array.from({ length: 32 }, (_, at) => at);

test.each([
  ['no bytes', new Uint8Array(0), 0],
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['ascending bytes', counted, 0x46dd794e],
  ['descending bytes', counted.toReversed(), 0x113fdb5c],
  ['text', Buffer.from('123456789'), 0xe3069283],
])('the checksum of %s is the one of the standard', (_, bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum | 0);
});
