/**
 * Encodes columns into the body of an XOR chunk. The layout stands in ../xor-format.ts.
 *
 * The bits of the time, the value's control bits and, where it fits, the window go out in one store.
 */

import { put } from "./_bytes";

/** LEB128; returns the bytes written. */
function putVarint(at: usize, value: u64): u32 {
  let size: u32 = 0;
  while (value >= 0x80) {
    store<u8>(at + size++, <u8>value | 0x80);
    value >>= 7;
  }
  store<u8>(at + size++, <u8>value);
  return size;
}

/** Writes the body to `bytes`, which needs 32 + 20 * count bytes, and returns its size in bytes. */
export function encodeXor(times: usize, values: usize, count: u32, bytes: usize): u32 {
  store<u8>(bytes, <u8>(count >> 8));
  store<u8>(bytes + 1, <u8>count);
  if (count == 0) return 2;

  let bit: u32 = 16;
  let time = <i64>load<f64>(times);
  let delta: i64 = 0;
  let value = load<u64>(values);
  bit += putVarint(bytes + 2, <u64>((time << 1) ^ (time >> 63))) << 3;
  store<u64>(bytes + (bit >> 3), bswap<u64>(value));
  bit += 64;

  /** A leading that no value reaches: no window yet. */
  let leading: u32 = 65;
  let trailing: u32 = 0;

  for (let i: u32 = 1; i < count; i++) {
    const at = (<usize>i) << 3;
    const nextTime = <i64>load<f64>(times + at);
    const nextDelta = nextTime - time;
    /** What goes before the window, and how many bits it has. */
    let head: u64 = 0;
    let headLength: u32 = 0;
    if (i == 1) {
      bit += putVarint(bytes + (bit >> 3), <u64>nextDelta) << 3;
    } else {
      const dod = nextDelta - delta;
      if (dod == 0) {
        headLength = 1;
      } else if (dod >= -0x1fff && dod <= 0x2000) {
        head = 0x8000 | (<u64>dod & 0x3fff);
        headLength = 16;
      } else if (dod >= -0xffff && dod <= 0x10000) {
        head = 0xc0000 | (<u64>dod & 0x1ffff);
        headLength = 20;
      } else if (dod >= -0x7ffff && dod <= 0x80000) {
        head = 0xe00000 | (<u64>dod & 0xfffff);
        headLength = 24;
      } else {
        put(bytes, bit, 0xf00000000 | (<u64>dod >> 32), 36);
        put(bytes, bit + 36, <u64>dod & 0xffffffff, 32);
        bit += 68;
      }
    }
    time = nextTime;
    delta = nextDelta;

    const nextValue = load<u64>(values + at);
    const xor = value ^ nextValue;
    value = nextValue;
    if (xor == 0) {
      put(bytes, bit, head << 1, headLength + 1);
      bit += headLength + 1;
      continue;
    }
    let xorLeading = <u32>clz(xor);
    const xorTrailing = <u32>ctz(xor);
    if (xorLeading > 31) xorLeading = 31;
    if (xorLeading >= leading && xorTrailing >= trailing) {
      head = (head << 2) | 0b10;
      headLength += 2;
    } else {
      leading = xorLeading;
      trailing = xorTrailing;
      head = (head << 13) | 0x1800 | (<u64>leading << 6) | (<u64>(64 - leading - trailing) & 0x3f);
      headLength += 13;
    }
    const length = 64 - leading - trailing;
    const window = xor >> trailing;
    if (headLength + length <= 57) {
      put(bytes, bit, (head << length) | window, headLength + length);
    } else {
      put(bytes, bit, head, headLength);
      if (length <= 57) put(bytes, bit + headLength, window, length);
      else {
        put(bytes, bit + headLength, window >> 32, length - 32);
        put(bytes, bit + headLength + length - 32, window & 0xffffffff, 32);
      }
    }
    bit += headLength + length;
  }
  return (bit + 7) >> 3;
}
