/**
 * Little-endian access to bits in memory, and the constants that encoder and decoder of dense chunks share.
 */

/** Elements that share a width. A multiple of 8, so that each miniblock begins at a byte. */
export const MINIBLOCK: u32 = 32;
/** Flags of a sequence. */
export const SUMMED: u32 = 1;
export const FACTOR: u32 = 2;
export const PATCHED: u32 = 4;
export const POSITIVE: u32 = 8;
export const BITMAP: u32 = 16;
export const FLAGS_MAX: u32 = 31;
/** The scale of values that are no decimals. */
export const DENSE_RAW: u32 = 0x3f;
export const SCALE_MASK: u32 = 0x3f;
/** Flags beside the scale. */
export const CORRECTED: u32 = 0x40;
export const EXCEPTIONS: u32 = 0x80;
/** The largest power of ten that a double holds exactly. */
export const SCALE_MAX: u32 = 22;

const powers: StaticArray<f64> = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
  1e20, 1e21, 1e22,
];

// @ts-ignore: decorator
@inline
export function powerOfTen(exponent: u32): f64 {
  return unchecked(powers[exponent]);
}

/** The lowest `length` bits, 0 to 64. */
// @ts-ignore: decorator
@inline
export function bitMask(length: u32): u64 {
  return length == 0 ? 0 : ~(<u64>0) >> (64 - length);
}

/** 64 bits from `bit` on, the first as the lowest. Reads 9 bytes. */
// @ts-ignore: decorator
@inline
export function peekWide(bytes: usize, bit: u32): u64 {
  const from = bytes + (bit >> 3);
  const shift = <u64>(bit & 7);
  return (load<u64>(from) >> shift) | ((<u64>load<u8>(from, 8) << 1) << (63 - shift));
}

/**
 * Writes `value`, below 2^length, at `bit`, behind which everything must be zero. Touches 9 bytes.
 */
// @ts-ignore: decorator
@inline
export function putWide(bytes: usize, bit: u32, value: u64): void {
  const at = bytes + (bit >> 3);
  const shift = <u64>(bit & 7);
  store<u64>(at, load<u64>(at) | (value << shift));
  store<u8>(at, <u8>((value >> 1) >> (63 - shift)), 8);
}
