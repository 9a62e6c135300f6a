/**
 * CRC-32C by sixteen tables ("slicing by 16"): two loads of 8 bytes a round. The oracle is ../crc32c.ts.
 */

/** tables[k][byte] is the remainder of `byte` followed by k zero bytes. */
const tables = memory.data(16 * 256 * 4);

/** Fills the tables. To be called once, first. */
export function prepare(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    store<u32>(tables + (byte << 2), crc);
  }
  for (let at: usize = 256 * 4; at < 16 * 256 * 4; at += 4) {
    const before = load<u32>(tables + at - 256 * 4);
    store<u32>(tables + at, load<u32>(tables + ((before & 0xff) << 2)) ^ (before >> 8));
  }
}

/** The first byte of memory that is free. */
export function base(): usize {
  return __heap_base;
}

// @ts-ignore: decorator
@inline
function entry(zeros: usize, byte: u64): u32 {
  return load<u32>(tables + zeros * 1024 + ((<usize>byte & 0xff) << 2));
}

/** Continues `crc`, which is inverted already, and returns it inverted. */
export function update(crc: u32, at: usize, sizeBytes: u32): u32 {
  const end = at + sizeBytes;
  for (; at + 16 <= end; at += 16) {
    const a = load<u64>(at) ^ <u64>crc;
    const b = load<u64>(at + 8);
    crc =
      entry(15, a) ^ entry(14, a >> 8) ^ entry(13, a >> 16) ^ entry(12, a >> 24) ^
      entry(11, a >> 32) ^ entry(10, a >> 40) ^ entry(9, a >> 48) ^ entry(8, a >> 56) ^
      entry(7, b) ^ entry(6, b >> 8) ^ entry(5, b >> 16) ^ entry(4, b >> 24) ^
      entry(3, b >> 32) ^ entry(2, b >> 40) ^ entry(1, b >> 48) ^ entry(0, b >> 56);
  }
  for (; at < end; at++) crc = entry(0, crc ^ load<u8>(at)) ^ (crc >> 8);
  return crc;
}
