/**
 * referenceDecodeDense: the dense chunk decoder in TypeScript. The layout stands in dense-format.ts.
 *
 * The oracle of assembly/_dense-decode.ts, which must refuse the same bytes for the same reason, and its stand-in
 * where WebAssembly is missing. Integers have 64 bits, in two words.
 */

import { assert } from "../model/assert.js";
import type { Column } from "./column.js";
import {
  checkDenseSize,
  DENSE_BAD_FIELD,
  DENSE_BAD_TIME,
  DENSE_BAD_VALUE,
  DENSE_BITMAP,
  DENSE_CORRECTED,
  DENSE_EXCEPTIONS,
  DENSE_FACTOR,
  DENSE_FLAGS_MAX,
  DENSE_MINIBLOCK,
  DENSE_PATCHED,
  DENSE_POSITIVE,
  DENSE_POWERS,
  DENSE_RAW,
  DENSE_SCALE_MASK,
  DENSE_SCALE_MAX,
  DENSE_SUMMED,
  DENSE_TRAILING,
  throwDenseFault,
} from "./dense-format.js";
import { DenseReader, twoTo32, type WordColumn, wordColumn } from "./dense-reader.js";
import { HIGH, LOW } from "./float-bits.js";

const timeMax = 2 ** 52;

/** See decodeDense. */
export function referenceDecodeDense(bytes: Uint8Array, count: number, into: Column, at = 0): number {
  assert(at + count <= into.times.length && at + count <= into.values.length, "the columns have room");
  checkDenseSize(bytes, count);
  const reader = new DenseReader(bytes);
  const integers = wordColumn(count);
  readSequence(reader, integers, count);
  toTimes(integers, into.times.subarray(at, at + count));
  readValues(reader, integers, into.values.subarray(at, at + count));
  if (!reader.isAtEnd) throwDenseFault(DENSE_TRAILING);
  return count;
}

/** Reads `count` integers. */
function readSequence(reader: DenseReader, into: WordColumn, count: number): void {
  const flags = reader.readByte();
  const isPatched = (flags & DENSE_PATCHED) !== 0;
  const isPatchFlagged = (flags & (DENSE_POSITIVE | DENSE_BITMAP)) !== 0;
  if (flags > DENSE_FLAGS_MAX || (isPatchFlagged && !isPatched)) throwDenseFault(DENSE_BAD_FIELD);
  const first = reader.readZigzag();
  const slope = reader.readZigzag();
  const factor = (flags & DENSE_FACTOR) === 0 ? 1 : reader.readBounded(0xffffffff);
  const widths = reader.readMiniblocks(into, count);
  if (isPatched) patch(reader, into, widths, count, flags);
  if (factor !== 1) multiply(into, count, factor);
  addUp(into, count, first, slope, (flags & DENSE_SUMMED) !== 0);
}

function patch(
  reader: DenseReader,
  into: WordColumn,
  widths: Uint8Array,
  count: number,
  flags: number,
): void {
  const isBitmap = (flags & DENSE_BITMAP) !== 0;
  const positions = isBitmap
    ? reader.readBitmap(count)
    : reader.readPositions(reader.readBounded(count), count);
  const highs = wordColumn(positions.length);
  reader.readMiniblocks(highs, positions.length);
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!;
    const width = widths[Math.floor(position / DENSE_MINIBLOCK)]!;
    // A width of 64 leaves nothing above it.
    if (width > 63) throwDenseFault(DENSE_BAD_FIELD);
    add(highs, i, 1, 0);
    if ((flags & DENSE_POSITIVE) === 0) unzigzag(highs, i);
    const low = highs.low[i]!;
    const high = highs.high[i]!;
    if (width >= 32) add(into, position, 0, low << (width - 32));
    else if (width === 0) add(into, position, low, high);
    else add(into, position, low << width, (high << width) | (low >>> (32 - width)));
  }
}

/** 0, 1, 2, 3, 4 ... become 0, -1, 1, -2, 2 ... */
function unzigzag({ low, high }: WordColumn, index: number): void {
  const sign = -(low[index]! & 1);
  low[index] = ((low[index]! >>> 1) | (high[index]! << 31)) ^ sign;
  high[index] = (high[index]! >>> 1) ^ sign;
}

/** into[index] += high:low */
function add(into: WordColumn, index: number, low: number, high: number): void {
  const sumLow = (into.low[index]! >>> 0) + (low >>> 0);
  into.low[index] = sumLow;
  into.high[index] = into.high[index]! + high + (sumLow >= twoTo32 ? 1 : 0);
}

/** By a factor of up to 32 bits, which is multiplied with 16 bits at a time. */
function multiply(into: WordColumn, count: number, factor: number): void {
  for (let i = 0; i < count; i++) {
    const low = into.low[i]!;
    const upper = (low >>> 16) * factor;
    const lower = (low & 0xffff) * factor + (upper % 0x10000) * 0x10000;
    into.low[i] = lower;
    into.high[i] =
      Math.imul(into.high[i]!, factor) + Math.floor(upper / 0x10000) + Math.floor(lower / twoTo32);
  }
}

type Words = readonly [low: number, high: number];

/** Steps to the integers that they stand for: into[i] += first + slope * i, and all steps before when summed. */
function addUp(into: WordColumn, count: number, first: Words, slope: Words, isSummed: boolean): void {
  const { low, high } = into;
  const [slopeLow, slopeHigh] = [slope[0] >>> 0, slope[1]];
  let lineLow = first[0] >>> 0;
  let lineHigh = first[1];
  for (let i = 0; i < count; i++) {
    const sum = (low[i]! >>> 0) + lineLow;
    const sumHigh = (high[i]! + lineHigh + (sum >= twoTo32 ? 1 : 0)) | 0;
    low[i] = sum;
    high[i] = sumHigh;
    const next = (isSummed ? sum >>> 0 : lineLow) + slopeLow;
    lineHigh = ((isSummed ? sumHigh : lineHigh) + slopeHigh + (next >= twoTo32 ? 1 : 0)) | 0;
    lineLow = next >>> 0;
  }
}

function toTimes({ low, high }: WordColumn, times: Float64Array): void {
  for (let i = 0; i < times.length; i++) {
    const time = high[i]! * twoTo32 + (low[i]! >>> 0);
    if (time < -timeMax || time > timeMax) throwDenseFault(DENSE_BAD_TIME);
    times[i] = time;
  }
}

function readValues(reader: DenseReader, integers: WordColumn, values: Float64Array): void {
  const kind = reader.readByte();
  const scale = kind & DENSE_SCALE_MASK;
  const isRaw = scale === DENSE_RAW;
  const isCorrected = (kind & DENSE_CORRECTED) !== 0;
  if (scale > DENSE_SCALE_MAX && (!isRaw || isCorrected)) throwDenseFault(DENSE_BAD_FIELD);
  const hasExceptions = (kind & DENSE_EXCEPTIONS) !== 0;
  const exceptionCount = hasExceptions ? reader.readBounded(values.length - 1) : 0;
  const count = values.length - exceptionCount;
  readSequence(reader, integers, count);
  if (isRaw) toBits(integers, wordsOf(values), count);
  else toDecimals(integers, values, count, scale);
  if (isCorrected) correct(reader, integers, wordsOf(values), count);
  if (hasExceptions) insertExceptions(reader, values, exceptionCount);
}

function toDecimals({ low, high }: WordColumn, values: Float64Array, count: number, scale: number): void {
  const divisor = DENSE_POWERS[scale]!;
  for (let i = 0; i < count; i++) {
    const integer = high[i]! * twoTo32 + (low[i]! >>> 0);
    if (!Number.isSafeInteger(integer)) throwDenseFault(DENSE_BAD_VALUE);
    values[i] = integer / divisor;
  }
}

function toBits({ low, high }: WordColumn, words: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    words[2 * i + LOW] = low[i]!;
    words[2 * i + HIGH] = high[i]!;
  }
}

function correct(reader: DenseReader, corrections: WordColumn, words: Int32Array, count: number): void {
  readSequence(reader, corrections, count);
  for (let i = 0; i < count; i++) {
    add(corrections, i, words[2 * i + LOW]!, words[2 * i + HIGH]!);
  }
  toBits(corrections, words, count);
}

/** Moves the ordinary values, which stand at the front, apart; from the back, so that none is overwritten. */
function insertExceptions(reader: DenseReader, values: Float64Array, count: number): void {
  const positions = reader.readPositions(count, values.length);
  const [leastLow, leastHigh] = reader.readWords();
  const exceptions = wordColumn(count);
  reader.readMiniblocks(exceptions, count);
  const words = wordsOf(values);
  let behind = values.length;
  let ordinary = values.length - count;
  for (let i = count - 1; i >= 0; i--) {
    const position = positions[i]!;
    const length = behind - position - 1;
    ordinary -= length;
    // copyWithin keeps the bits of a NaN.
    values.copyWithin(position + 1, ordinary, ordinary + length);
    add(exceptions, i, leastLow, leastHigh);
    words[2 * position + LOW] = exceptions.low[i]!;
    words[2 * position + HIGH] = exceptions.high[i]!;
    behind = position;
  }
}

function wordsOf(values: Float64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}
