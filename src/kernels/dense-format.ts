/**
 * The body of a dense chunk: its layout, its limits, and what can be wrong with it.
 *
 * Layout of the body. Fields are bytes, or LEB128 (`varint`; `zigzag` when signed) of at most 64 bits; packed
 * integers stand with their lowest bit first. Integers are added modulo 2^64.
 *
 *   chunk         count u16 big-endian, at least 1; times: a sequence of `count`; values
 *
 *   values        kind u8             bits 0..5: scale, at most 22, or 63 for raw values; bit 6: corrected, not
 *                                     when raw; bit 7: with exceptions
 *                 exceptions varint   only with bit 7: how many, from 1 to count - 1
 *                 sequence            of the ordinary values: each is integer / 10^scale, |integer| < 2^53, or the
 *                                     bits of a double when raw
 *                 sequence            only with bit 6: corrections, added to the bits of the ordinary values
 *                 miniblocks          only with bit 7: the ordinary values in front of each exception, since
 *                                     the exception before it
 *                 least u64           only with bit 7, little-endian; then miniblocks: bits of each exception - least
 *
 *   sequence      flags u8            bit 0: summed; bit 1: with a factor; bit 2: patched, and then bit 3: only
 *                                     upwards; bit 4: by a bitmap; others 0
 *                 first, slope zigzag
 *                 factor varint       only with bit 1, from 1 to 2^32 - 1; 1 without
 *                 miniblocks          steps: integer i is first + slope * i + factor * step i,
 *                                     or, when summed, ... + factor * (step 0 + ... + step i)
 *                 patches varint      only with bit 2 and without 4: how many, from 1 to the steps there are; then
 *                                     miniblocks: the steps in front of each patch, since the patch before it
 *                 bitmap              only with bit 4: a bit for each step, set for at least one; whole bytes
 *                 miniblocks          only with bit 2: high of each patch, zigzag - 1 (with bit 3: high - 1); it
 *                                     adds high * 2^width
 *
 *   miniblocks    head u8             bits 0..6: width, at most 64; bit 7: varied
 *                 entryBits u8        only when varied, at most 7; 0 if not
 *                 offsetBits u8       only when varied, at most 64; 0 if not
 *                 widths              entryBits each, of every 32 integers; added to the width: at most 64
 *                 offsets             offsetBits each, of every 32 integers, from a byte on; added to the integers
 *                 integers            32 by 32, from a byte on, of their own width each
 *
 * Behind the last field is nothing. What a sequence's first miniblocks cannot hold in their widths, patches do;
 * a width that is patched is below 64. docs/format/chunk-dense.md explains why, with an example.
 */

import { assert } from "../model/assert.js";
import { CorruptionError } from "../model/errors.js";

export const DENSE_HEADER_SIZE_BYTES = 2;
/** The sample count of the header has 16 bits. */
export const DENSE_SAMPLES_MAX = 0xffff;
/** Integers that share a width. */
export const DENSE_MINIBLOCK = 32;

export const DENSE_SUMMED = 1;
export const DENSE_FACTOR = 2;
export const DENSE_PATCHED = 4;
export const DENSE_POSITIVE = 8;
export const DENSE_BITMAP = 16;
export const DENSE_FLAGS_MAX = 31;
export const DENSE_VARIED = 0x80;

/** 10^scale: all powers that a double holds exactly. */
export const DENSE_POWERS = Float64Array.of(
  ...[1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11],
  ...[1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22],
);
export const DENSE_SCALE_MAX = 22;
export const DENSE_SCALE_MASK = 0x3f;
/** In place of a scale: the integers are the bits of the values. */
export const DENSE_RAW = 0x3f;
export const DENSE_CORRECTED = 0x40;
export const DENSE_EXCEPTIONS = 0x80;

/** What is wrong with a chunk; the WebAssembly decoder returns them negated. */
export const DENSE_CUT_SHORT = 1;
export const DENSE_BAD_FIELD = 2;
export const DENSE_BAD_TIME = 3;
export const DENSE_BAD_VALUE = 4;
export const DENSE_TRAILING = 5;
export const DENSE_BAD_COUNT = 6;

/** No encoder needs more bytes for `count` samples. */
export function denseSizeBytesMax(count: number): number {
  return 256 + 64 * count;
}

/** Throws CorruptionError when this cannot be a chunk of `count` samples: to be called before making room for them. */
export function checkDenseSize(bytes: Uint8Array, count: number): void {
  const fault = denseSizeFault(bytes, count);
  if (fault !== 0) throwDenseFault(fault);
}

/** What is wrong with a chunk of `count` samples, as far as its size and header tell; 0 for nothing. */
export function denseSizeFault(bytes: Uint8Array, count: number): number {
  assert(Number.isInteger(count) && count >= 0, "a count is a natural number");
  if (bytes.length < DENSE_HEADER_SIZE_BYTES) return DENSE_CUT_SHORT;
  if (count === 0 || ((bytes[0]! << 8) | bytes[1]!) !== count) return DENSE_BAD_COUNT;
  return bytes.length > denseSizeBytesMax(count) ? DENSE_TRAILING : 0;
}

const faults: Readonly<Record<number, string>> = {
  [DENSE_CUT_SHORT]: "a dense chunk ends before its last field",
  [DENSE_BAD_FIELD]: "a dense chunk has a field with an impossible value",
  [DENSE_BAD_TIME]: "a dense chunk has a time out of range",
  [DENSE_BAD_VALUE]: "a dense chunk has a decimal of more than 53 bits",
  [DENSE_TRAILING]: "a dense chunk goes on behind its last field",
  [DENSE_BAD_COUNT]: "a dense chunk has another number of samples than was said",
};

/** Throws what a decoder found. */
export function throwDenseFault(fault: number): never {
  const message = faults[fault];
  assert(message !== undefined, "the decoders know these faults");
  throw new CorruptionError(message);
}
