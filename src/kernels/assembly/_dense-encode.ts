/**
 * Encodes columns into a dense chunk. The layout stands in ../dense-format.ts.
 */

import { CORRECTED, DENSE_RAW, EXCEPTIONS, powerOfTen, SCALE_MAX } from "./_dense-bits";
import { decodeDense } from "./_dense-decode";
import { lengthOf, setPlanMemory, writePlain } from "./_dense-miniblocks";
import { writeSequence, writeVarint } from "./_dense-sequence";

const NEGATIVE_ZERO: u64 = 0x8000000000000000;
const DECIMAL_MAX: f64 = 9007199254740991;
/** No scale makes this value a decimal. */
const NONE: u32 = 63;
/** Above so many bits a sample, raw bits and corrected decimals are tried as well. */
const ENOUGH_BITS: u32 = 24;
/** Between two attempts: words are written whole. */
const GAP_BYTES: usize = 16;
/** Decimals must be shorter by so much to be worth correcting. */
const NOISE_BITS: f64 = 4;
const EXCEPTION_BITS: f64 = 80;
const DIGIT_BITS: f64 = 3.3;

/** Values by the scale that they need. */
const histogram = memory.data(64 * 4, 8);

/** Whether `value` is what a decoder gives back for the integer nearest to value * 10^scale. */
// @ts-ignore: decorator
@inline
function isDecimal(value: f64, scale: u32): bool {
  const divisor = powerOfTen(scale);
  const integer = nearest(value * divisor);
  return abs(integer) <= DECIMAL_MAX && reinterpret<u64>(integer / divisor) == reinterpret<u64>(value);
}

/** The least scale at which `value` is a decimal, or NONE. */
function scaleOf(value: f64): u32 {
  if (!isFinite(value) || reinterpret<u64>(value) == NEGATIVE_ZERO) return NONE;
  for (let scale: u32 = 0; scale <= SCALE_MAX; scale++) {
    if (isDecimal(value, scale)) return scale;
    if (abs(value) * powerOfTen(scale) > DECIMAL_MAX) break;
  }
  return NONE;
}

/** The scale at which digits and exceptions together are fewest, or DENSE_RAW when there is none. */
function chooseScale(values: usize, count: u32): u32 {
  memory.fill(histogram, 0, 64 * 4);
  let misses: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<f64>(values + (<usize>i << 3));
    const scale = scaleOf(value);
    const place = histogram + (<usize>scale << 2);
    store<u32>(place, load<u32>(place) + 1);
    if (scale != NONE || !isFinite(value)) continue;
    // Noise: its digits would be looked for in vain.
    if (++misses == 64 && i < 96) return DENSE_RAW;
  }
  let best = DENSE_RAW;
  let bestBits: f64 = Infinity;
  let exceptions = count;
  for (let scale: u32 = 0; scale <= SCALE_MAX; scale++) {
    exceptions -= load<u32>(histogram + (<usize>scale << 2));
    if (exceptions == count) continue;
    const bits = <f64>exceptions * EXCEPTION_BITS + <f64>(count - exceptions) * <f64>scale * DIGIT_BITS;
    if (bits >= bestBits) continue;
    bestBits = bits;
    best = scale;
  }
  return best;
}

/** Whether `value` is written as an integer: exactly, or to be corrected. */
// @ts-ignore: decorator
@inline
function isOrdinary(value: f64, scale: u32, isCorrected: bool): bool {
  if (!isFinite(value) || reinterpret<u64>(value) == NEGATIVE_ZERO) return false;
  return isCorrected ? abs(nearest(value * powerOfTen(scale))) <= DECIMAL_MAX : isDecimal(value, scale);
}

/** What must be added to the bits of the nearest decimal to make `value`. */
// @ts-ignore: decorator
@inline
function correctionOf(value: f64, scale: u32): i64 {
  const divisor = powerOfTen(scale);
  // By way of an integer, which is never a negative zero.
  const integer = <i64>nearest(value * divisor);
  return reinterpret<i64>(value) - reinterpret<i64>(<f64>integer / divisor);
}

/**
 * The scale at which decimals and corrections are shortest, or DENSE_RAW when that is no shorter than the bits of
 * noise: there each digit of the decimal only takes 3.3 bits from the correction.
 */
function chooseCorrectedScale(values: usize, count: u32): u32 {
  let best = DENSE_RAW;
  let bestBits: f64 = Infinity;
  const drawn = min<u32>(count, 32);
  for (let scale: u32 = 0; scale <= SCALE_MAX; scale++) {
    let bits: f64 = 0;
    let ordinary: u32 = 0;
    for (let i: u32 = 0; i < drawn; i++) {
      const value = load<f64>(values + (<usize>((i * count) / drawn) << 3));
      if (!isOrdinary(value, scale, true)) continue;
      const correction = correctionOf(value, scale);
      bits += <f64>lengthOf(correction < 0 ? -correction : correction);
      ordinary++;
    }
    if (ordinary * 2 < drawn) break;
    bits = bits / <f64>ordinary + <f64>scale * DIGIT_BITS;
    if (scale == 0) bestBits = bits - NOISE_BITS;
    if (bits >= bestBits) continue;
    bestBits = bits;
    best = scale;
  }
  return best;
}

/** The values as integers; the gaps and bits of those that are none. Returns how many these are. */
function toIntegers(values: usize, count: u32, scale: u32, isCorrected: bool, scratch: usize): u32 {
  const factor = powerOfTen(scale);
  const gaps = scratch + (<usize>count << 3);
  const bits = gaps + (<usize>count << 3);
  let ordinary: usize = 0;
  let exceptions: usize = 0;
  let behind: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<f64>(values + (<usize>i << 3));
    if (isOrdinary(value, scale, isCorrected)) {
      store<i64>(scratch + (ordinary++ << 3), <i64>nearest(value * factor));
      continue;
    }
    store<u64>(gaps + (exceptions << 3), i - behind);
    store<u64>(bits + (exceptions++ << 3), load<u64>(values + (<usize>i << 3)));
    behind = i + 1;
  }
  return <u32>exceptions;
}

/** The corrections of all ordinary values. */
function toCorrections(values: usize, count: u32, scale: u32, corrections: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const value = load<f64>(values + (<usize>i << 3));
    if (!isOrdinary(value, scale, true)) continue;
    store<i64>(corrections, correctionOf(value, scale));
    corrections += 8;
  }
}

/** Six columns of scratch: integers, gaps, bits, and three of the sequence. */
function writeDecimals(
  values: usize,
  count: u32,
  scale: u32,
  isCorrected: bool,
  scratch: usize,
  to: usize,
): usize {
  const gaps = scratch + (<usize>count << 3);
  const bits = gaps + (<usize>count << 3);
  const rest = bits + (<usize>count << 3);
  const exceptions = toIntegers(values, count, scale, isCorrected, scratch);
  store<u8>(to++, <u8>(scale | (isCorrected ? CORRECTED : 0) | (exceptions == 0 ? 0 : EXCEPTIONS)));
  if (exceptions != 0) to = writeVarint(exceptions, to);
  to = writeSequence(scratch, count - exceptions, rest, to);
  if (isCorrected) {
    toCorrections(values, count, scale, scratch);
    to = writeSequence(scratch, count - exceptions, rest, to);
  }
  return exceptions == 0 ? to : writeExceptions(exceptions, gaps, bits, to);
}

function writeExceptions(count: u32, gaps: usize, bits: usize, to: usize): usize {
  const last = bits + (<usize>count << 3);
  let least = ~(<u64>0);
  for (let at = bits; at < last; at += 8) least = min(least, load<u64>(at));
  for (let at = bits; at < last; at += 8) store<u64>(at, load<u64>(at) - least);
  to = writePlain(gaps, count, to);
  store<u64>(to, least);
  return writePlain(bits, count, to + 8);
}

function writeRaw(values: usize, count: u32, scratch: usize, to: usize): usize {
  store<u8>(to, <u8>DENSE_RAW);
  return writeSequence(values, count, scratch, to + 1);
}

/** Writes the values to `to`, in the smallest of the kinds worth trying, and returns where they end. */
function writeValues(values: usize, count: u32, scratch: usize, to: usize): usize {
  let end = to;
  const scale = chooseScale(values, count);
  if (scale != DENSE_RAW) {
    end = writeDecimals(values, count, scale, false, scratch, to);
    if (<u32>(end - to) << 3 <= count * ENOUGH_BITS) return end;
  }
  end = keepSmaller(to, end, writeRaw(values, count, scratch, end + GAP_BYTES));
  const correctedScale = chooseCorrectedScale(values, count);
  if (correctedScale == DENSE_RAW) return end;
  return keepSmaller(to, end, writeDecimals(values, count, correctedScale, true, scratch, end + GAP_BYTES));
}

/**
 * The bytes from `to` to `end`, unless there are none, or those GAP_BYTES further up to `otherEnd` are fewer, which
 * then take their place. Returns where they end; behind it everything is zero.
 */
function keepSmaller(to: usize, end: usize, otherEnd: usize): usize {
  const other = end + GAP_BYTES;
  const otherSize = otherEnd - other;
  if (end == to || otherSize < end - to) {
    memory.copy(to, other, otherSize);
    end = to + otherSize;
  }
  memory.fill(end, 0, otherEnd - end);
  return end;
}

/** Whether the chunk decodes to what is in the columns. */
function isExact(times: usize, values: usize, count: u32, scratch: usize, bytes: usize, sizeBytes: u32): bool {
  const column = <usize>count << 3;
  const decodedValues = scratch + column;
  const rest = decodedValues + column;
  const decoded = decodeDense(bytes, sizeBytes, count, scratch, decodedValues, rest, -Infinity, Infinity, false);
  if (decoded != <i32>count || memory.compare(decodedValues, values, column) != 0) return false;
  // Times as numbers: one may have been a negative zero.
  for (let i: usize = 0; i < column; i += 8) if (load<f64>(scratch + i) != load<f64>(times + i)) return false;
  return true;
}

/**
 * Writes the chunk to `bytes`, which must be zeros and have room for 64 * count + 288 bytes, and returns its size
 * in bytes; 0 if it does not decode to what was encoded. `scratch` needs room for 8 * count doubles. The count is
 * at least 1.
 */
export function encodeDense(times: usize, values: usize, count: u32, scratch: usize, bytes: usize): u32 {
  const column = <usize>count << 3;
  setPlanMemory(scratch, scratch + ((<usize>count + 7) & ~7));
  const integers = scratch + 2 * column;
  store<u8>(bytes, <u8>(count >> 8));
  store<u8>(bytes + 1, <u8>count);
  for (let i: usize = 0; i < column; i += 8) store<i64>(integers + i, <i64>load<f64>(times + i));
  const valuesAt = writeSequence(integers, count, integers + column, bytes + 2);
  const sizeBytes = <u32>(writeValues(values, count, integers, valuesAt) - bytes);
  return isExact(times, values, count, scratch, bytes, sizeBytes) ? sizeBytes : 0;
}
