const POLYNOMIAL = 0x82f63b78;

let table: Int32Array | undefined;

/** Returns the CRC-32C of the bytes as an int32, which is the checksum of the wire protocol. */
export function crc32c(bytes: Uint8Array): number {
  table ??= Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
    return value;
  });
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  return ~crc;
}
