/**
 * Decodes a dense chunk into columns. The layout and the faults stand in ../dense-format.ts.
 *
 * 32 zero bytes must follow the chunk. Integers are decoded in place, in the columns, two at a time.
 */

import {
  CORRECTED,
  DENSE_RAW,
  EXCEPTIONS,
  FACTOR,
  FLAGS_MAX,
  PATCHED,
  powerOfTen,
  SCALE_MASK,
  SCALE_MAX,
  SUMMED,
} from "./_dense-bits";
import {
  begin,
  fail,
  fault,
  isAtEnd,
  position,
  readBounded,
  readByte,
  readMiniblocks,
  readPatches,
  readPositions,
  readSigned,
  readWord,
} from "./_dense-fields";

const BAD_FIELD: i32 = 2;
const BAD_TIME: i32 = 3;
const BAD_VALUE: i32 = 4;
const TRAILING: i32 = 5;

const HEADER_SIZE_BYTES: u32 = 2;
const STALE: u64 = 0x7ff0000000000002;
const TIME_MAX: f64 = 4503599627370496;
const DECIMAL_MAX: f64 = 9007199254740991;

/** The sequence read last: how its steps add up, and its least and greatest integer. */
let isSummed: bool = false;
let first: i64 = 0;
let slope: i64 = 0;
let factor: i64 = 1;
let least: f64 = 0;
let most: f64 = 0;
/** Whether there is a staleness marker among the values read last. */
let hasStale: bool = false;

/** Reads a sequence of `count` integers of 64 bits, but leaves its steps to be added up, at `to`. */
function readSteps(count: u32, to: usize, scratch: usize): bool {
  const flags = readByte();
  if (flags > FLAGS_MAX || (flags > (SUMMED | FACTOR | PATCHED) && !(flags & PATCHED))) return fail(BAD_FIELD);
  isSummed = (flags & SUMMED) != 0;
  first = readSigned();
  slope = readSigned();
  factor = flags & FACTOR ? readBounded(0xffffffff) : 1;
  if (fault != 0 || !readMiniblocks(count, to)) return false;
  return (flags & PATCHED) == 0 || readPatches(count, to, flags, scratch);
}

/** Steps to multiples of the factor, in place. */
function multiply(count: u32, to: usize): void {
  const last = to + (<usize>count << 3);
  const by = factor;
  for (let next = to; next < last; next += 8) store<i64>(next, load<i64>(next) * by);
}

/** Both integers as doubles, exact up to 2^53. */
// @ts-ignore: decorator
@inline
function toDoubles(integers: v128): v128 {
  const highs = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(integers, integers, 1, 3, 1, 3));
  const lows = f64x2.convert_low_i32x4_u(v128.shuffle<i32>(integers, integers, 0, 2, 0, 2));
  return f64x2.add(f64x2.mul(highs, f64x2.splat(4294967296)), lows);
}

/**
 * Adds the steps up to the integers that they stand for, in place; as doubles when wanted, of which the least and
 * the greatest stand in `least` and `most` afterwards.
 */
// @ts-ignore: decorator
@inline
function addUp(count: u32, to: usize, asDoubles: bool): void {
  if (factor != 1) multiply(count, to);
  const last = to + (<usize>count << 3);
  // Two at a time: an odd one out is the one before it again. What stands there is put back.
  const behind = load<u64>(last);
  if (count & 1) store<i64>(last, isSummed ? -slope : load<i64>(last - 8) - slope);
  if (isSummed) addPairs(to, last, asDoubles, true);
  else addPairs(to, last, asDoubles, false);
  store<u64>(last, behind);
}

// @ts-ignore: decorator
@inline
function addPairs(to: usize, last: usize, asDoubles: bool, summed: bool): void {
  const zero = i64x2.splat(0);
  const rise = i64x2.splat(summed ? slope : 2 * slope);
  let line = summed ? i64x2.splat(first - slope) : i64x2(first, first + slope);
  let lowest = f64x2.splat(Infinity);
  let highest = f64x2.splat(-Infinity);
  for (let next = to; next < last; next += 16) {
    let integers = v128.load(next);
    if (summed) {
      integers = i64x2.add(integers, rise);
      integers = i64x2.add(integers, v128.shuffle<i64>(zero, integers, 0, 2));
      integers = i64x2.add(integers, line);
      line = v128.shuffle<i64>(integers, integers, 1, 1);
    } else {
      integers = i64x2.add(integers, line);
      line = i64x2.add(line, rise);
    }
    if (asDoubles) {
      integers = toDoubles(integers);
      lowest = f64x2.pmin(lowest, integers);
      highest = f64x2.pmax(highest, integers);
    }
    v128.store(next, integers);
  }
  least = min(f64x2.extract_lane(lowest, 0), f64x2.extract_lane(lowest, 1));
  most = max(f64x2.extract_lane(highest, 0), f64x2.extract_lane(highest, 1));
}

function readDoubles(count: u32, to: usize, scratch: usize): bool {
  if (!readSteps(count, to, scratch)) return false;
  addUp(count, to, true);
  return true;
}

function readIntegers(count: u32, to: usize, scratch: usize): bool {
  if (!readSteps(count, to, scratch)) return false;
  addUp(count, to, false);
  return true;
}

function readTimes(count: u32, times: usize, scratch: usize): bool {
  if (!readDoubles(count, times, scratch)) return false;
  return (least >= -TIME_MAX && most <= TIME_MAX) || fail(BAD_TIME);
}

function readDecimals(count: u32, values: usize, scratch: usize, scale: u32): bool {
  if (!readDoubles(count, values, scratch)) return false;
  if (least < -DECIMAL_MAX || most > DECIMAL_MAX) return fail(BAD_VALUE);
  if (scale == 0) return true;
  const divisors = f64x2.splat(powerOfTen(scale));
  const last = values + (<usize>count << 3);
  let next = values;
  for (; next + 8 < last; next += 16) v128.store(next, f64x2.div(v128.load(next), divisors));
  if (next < last) store<f64>(next, load<f64>(next) / powerOfTen(scale));
  return true;
}

/** Adds corrections to the bits of the decimals. `scratch` holds 3 * count. */
function correct(count: u32, values: usize, scratch: usize): bool {
  const column = <usize>count << 3;
  if (!readIntegers(count, scratch, scratch + column)) return false;
  for (let i: usize = 0; i < column; i += 8) {
    store<u64>(values + i, load<u64>(values + i) + load<u64>(scratch + i));
  }
  return true;
}

/** Reads exceptions and puts them among the `count - exceptionCount` ordinary values. */
function insertExceptions(exceptionCount: u32, count: u32, values: usize, scratch: usize): bool {
  const bits = scratch + (<usize>exceptionCount << 3);
  if (!readPositions(exceptionCount, count, scratch)) return false;
  const base = readWord();
  if (fault != 0 || !readMiniblocks(exceptionCount, bits)) return false;
  let behind: usize = count;
  let ordinary: usize = count - exceptionCount;
  for (let i = <i32>exceptionCount - 1; i >= 0; i--) {
    const position = <usize>load<u64>(scratch + (<usize>i << 3));
    const length = behind - position - 1;
    ordinary -= length;
    memory.copy(values + ((position + 1) << 3), values + (ordinary << 3), length << 3);
    const exception = base + load<u64>(bits + (<usize>i << 3));
    store<u64>(values + (position << 3), exception);
    if (exception == STALE) hasStale = true;
    behind = position;
  }
  return true;
}

function readValues(count: u32, values: usize, scratch: usize): bool {
  const kind = readByte();
  const scale = kind & SCALE_MASK;
  if (scale > SCALE_MAX && (scale != DENSE_RAW || kind & CORRECTED)) return fail(BAD_FIELD);
  hasStale = false;
  const exceptionCount = kind & EXCEPTIONS ? <u32>readBounded(count - 1) : 0;
  if (fault != 0) return false;
  const ordinary = count - exceptionCount;
  const isRead =
    scale == DENSE_RAW
      ? readIntegers(ordinary, values, scratch)
      : readDecimals(ordinary, values, scratch, scale);
  if (!isRead) return false;
  if (kind & CORRECTED && !correct(ordinary, values, scratch)) return false;
  if (scale == DENSE_RAW || kind & CORRECTED) hasStale = findStale(ordinary, values);
  return exceptionCount == 0 || insertExceptions(exceptionCount, count, values, scratch);
}

/** Whether there is a staleness marker among raw values. */
function findStale(count: u32, values: usize): bool {
  const stale = i64x2.splat(STALE);
  const last = values + (<usize>count << 3);
  let found = i64x2.splat(0);
  let next = values;
  for (; next + 8 < last; next += 16) found = v128.or(found, i64x2.eq(v128.load(next), stale));
  return v128.any_true(found) || (next < last && load<u64>(next) == STALE);
}

/** Keeps the samples within bounds, and returns how many they are. */
function filter(count: u32, times: usize, values: usize, minTime: f64, maxTime: f64, dropStale: bool): u32 {
  let kept: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    const time = load<f64>(times + (i << 3));
    const value = load<u64>(values + (i << 3));
    store<f64>(times + (kept << 3), time);
    store<u64>(values + (kept << 3), value);
    kept += i32(time >= minTime) & i32(time <= maxTime) & ~(i32(dropStale) & i32(value == STALE));
  }
  return <u32>kept;
}

/**
 * Writes the samples within [minTime, maxTime] to `times` and `values`, and returns how many they are, or a
 * fault, negated. The header must have been looked at. Both columns need room for one more than `count` samples,
 * `scratch` for three times as many.
 */
export function decodeDense(
  bytes: usize,
  sizeBytes: u32,
  count: u32,
  times: usize,
  values: usize,
  scratch: usize,
  minTime: f64,
  maxTime: f64,
  dropStale: bool,
): i32 {
  begin(bytes + HEADER_SIZE_BYTES, sizeBytes - HEADER_SIZE_BYTES);
  if (!readTimes(count, times, scratch)) return -fault;
  const earliest = least;
  const latest = most;
  if (!readValues(count, values, scratch)) return -fault;
  if (!isAtEnd()) return -TRAILING;
  if (!(dropStale && hasStale) && minTime <= earliest && latest <= maxTime) return count;
  return filter(count, times, values, minTime, maxTime, dropStale);
}

/**
 * The size in bytes of the times, which begin behind the header, or a fault, negated. `times` needs room for one more
 * than `count` of them, `scratch` for three times as many.
 */
export function measureTimes(bytes: usize, sizeBytes: u32, count: u32, times: usize, scratch: usize): i32 {
  begin(bytes + HEADER_SIZE_BYTES, sizeBytes - HEADER_SIZE_BYTES);
  return readTimes(count, times, scratch) ? <i32>(position() - bytes - HEADER_SIZE_BYTES) : -fault;
}
