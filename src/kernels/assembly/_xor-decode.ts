/**
 * Decodes an XOR chunk into columns. The layout and the faults stand in ../xor-format.ts.
 *
 * One peek of 57 bits usually yields both the delta-of-delta and the value. 32 zero bytes must follow the chunk:
 * a sample that runs past the end reads them, and is found out before the next one.
 */

import { peek } from "./_bytes";

const CUT_SHORT: i32 = 1;
const BAD_VARINT: i32 = 2;
const BAD_WINDOW: i32 = 3;
const BAD_TIME: i32 = 4;

const STALE: u64 = 0x7ff0000000000002;
const TIME_MAX: i64 = 1 << 52;

/** Set by readVarint, which has two results. */
let varint: u64 = 0;

/** LEB128 at a byte. Returns its length in bytes, or 0 when it has more than 64 bits. */
function readVarint(at: usize): u32 {
  let value: u64 = 0;
  for (let i: u32 = 0; i < 10; i++) {
    const byte = <u64>load<u8>(at + i);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80 && (i < 9 || byte <= 1)) {
      varint = value;
      return i + 1;
    }
  }
  return 0;
}

/** The fault of a chunk that is broken at `bit`: being cut short comes first. */
// @ts-ignore: decorator
@inline
function fault(bit: u32, endBit: u32, kind: i32): i32 {
  return bit > endBit ? -CUT_SHORT : -kind;
}

// @ts-ignore: decorator
@inline
function isTime(time: i64): bool {
  return <u64>(time + TIME_MAX) <= <u64>(2 * TIME_MAX);
}

/** The highest `length` bits of `word` as a dod. Its buckets end at +2^(length-1), not below it. */
// @ts-ignore: decorator
@inline
function bucketed(word: u64, length: u32): u64 {
  const unsigned = word >> (64 - length);
  return unsigned - (unsigned > <u64>1 << (length - 1) ? <u64>1 << length : 0);
}

/** 64 bits, at any bit. */
// @ts-ignore: decorator
@inline
function peek64(bytes: usize, bit: u32): u64 {
  return (peek(bytes, bit) & 0xffffffff00000000) | (peek(bytes, bit + 32) >> 32);
}

// @ts-ignore: decorator
@inline
function decode(
  bytes: usize,
  sizeBytes: u32,
  count: u32,
  times: usize,
  values: usize,
  minTime: f64,
  maxTime: f64,
  dropStale: bool,
  stopsBehind: bool,
): i32 {
  const endBit = sizeBytes << 3;
  let bit: u32 = 16;
  let time: i64 = 0;
  let delta: i64 = 0;
  let value: u64 = 0;
  let trailing: u32 = 0;
  let length: u32 = 64;
  let kept: u32 = 0;

  for (let i: u32 = 0; i < count; i++) {
    if (i == 0) {
      const varintBytes = readVarint(bytes + 2);
      if (varintBytes == 0) return fault(16 + 80, endBit, BAD_VARINT);
      time = <i64>(varint >> 1) ^ -(<i64>(varint & 1));
      bit += varintBytes << 3;
      value = peek64(bytes, bit);
      bit += 64;
    } else {
      let word: u64;
      let used: u32 = 0;
      if (i == 1) {
        const varintBytes = readVarint(bytes + (bit >> 3));
        if (varintBytes == 0) return fault(bit + 80, endBit, BAD_VARINT);
        bit += varintBytes << 3;
        delta = <i64>varint;
        word = peek(bytes, bit);
      } else {
        word = peek(bytes, bit);
        if (<i64>word >= 0) {
          used = 1;
        } else if (word >> 62 == 0b10) {
          delta += bucketed(word << 2, 14);
          used = 16;
        } else if (word >> 61 == 0b110) {
          delta += bucketed(word << 3, 17);
          used = 20;
        } else if (word >> 60 == 0b1110) {
          delta += bucketed(word << 4, 20);
          used = 24;
        } else {
          delta += peek64(bytes, bit + 4);
          bit += 68;
          word = peek(bytes, bit);
        }
        bit += used;
        word <<= used;
      }
      time += delta;

      if (<i64>word >= 0) {
        bit += 1;
      } else {
        let control: u32 = 2;
        if (word >> 62 == 0b11) {
          control = 13;
          length = <u32>(word >> 51) & 0x3f;
          if (length == 0) length = 64;
          const leadingAndLength = (<u32>(word >> 57) & 0x1f) + length;
          if (leadingAndLength > 64) return fault(bit + 13, endBit, BAD_WINDOW);
          trailing = 64 - leadingAndLength;
        }
        bit += control;
        const window = used + control + length <= 57 ? word << control : peek64(bytes, bit);
        value ^= (window >> (64 - length)) << trailing;
        bit += length;
      }
    }
    if (bit > endBit) return -CUT_SHORT;
    if (!isTime(time)) return -BAD_TIME;

    const at: usize = (<usize>kept) << 3;
    const timeMs = <f64>time;
    if (stopsBehind && timeMs > maxTime) break;
    store<f64>(times + at, timeMs);
    store<u64>(values + at, value);
    const isKept = i32(timeMs >= minTime) & i32(timeMs <= maxTime) & ~(i32(dropStale) & i32(value == STALE));
    kept += isKept;
  }
  return kept;
}

/**
 * Writes the samples within [minTime, maxTime] to `times` and `values`, and returns how many they are, or a
 * fault, negated. Both columns need room for `count` samples.
 */
export function decodeXor(
  bytes: usize,
  sizeBytes: u32,
  count: u32,
  times: usize,
  values: usize,
  minTime: f64,
  maxTime: f64,
  dropStale: bool,
): i32 {
  return decode(bytes, sizeBytes, count, times, values, minTime, maxTime, dropStale, false);
}

/**
 * Writes the value of the sample at `time` to `found`, which needs 32 bytes, and returns 1; returns 0 when there is
 * none, or a fault, negated, that stands before it. For chunks in increasing time.
 */
export function findXor(bytes: usize, sizeBytes: u32, count: u32, time: f64, found: usize): i32 {
  return decode(bytes, sizeBytes, count, found + 16, found, time, time, false, true);
}
