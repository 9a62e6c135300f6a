/**
 * Big-endian access to bits in memory, shared by the encoder and the decoder of XOR chunks.
 */

/** The bytes of `word` in reverse order. One shuffle is quicker than shifts and masks. */
// @ts-ignore: decorator
@inline
function reversed(word: u64): u64 {
  const lanes = i64x2.splat(word);
  return i64x2.extract_lane(v128.shuffle<i8>(lanes, lanes, 7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0), 0);
}

/** The bits from `bit` on, the first as the highest; at least 57 of them count. Reads 8 bytes. */
// @ts-ignore: decorator
@inline
export function peek(bytes: usize, bit: u32): u64 {
  return reversed(load<u64>(bytes + (bit >> 3))) << (bit & 7);
}

/**
 * Writes the lowest `length` bits of `value`, 1 to 57, at `bit`; bits above must be zero. Keeps what stands
 * before `bit`. Writes 8 bytes: the bits behind become zero.
 */
// @ts-ignore: decorator
@inline
export function put(bytes: usize, bit: u32, value: u64, length: u32): void {
  const at = bytes + (bit >> 3);
  const shift = <u64>(bit & 7);
  const before = ((<u64>load<u8>(at)) << 56) & ~(~(<u64>0) >> shift);
  store<u64>(at, reversed(before | ((value << (64 - length)) >> shift)));
}
