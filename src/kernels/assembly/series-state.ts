/**
 * Appends rows of samples to the open chunks of their series. The layout of the memory stands in
 * ../series-state-format.ts, that of a chunk in ../xor-format.ts; the oracle is ../reference-series-state.ts.
 */

import { put } from "./_bytes";
import { findXor } from "./_xor-decode";

const pageTableAt: usize = 64;
const rowsMax: usize = 2048;
const rowSlotsAt: usize = pageTableAt + 4 * 32768;
const rowTimesAt: usize = rowSlotsAt + 4 * rowsMax;
const rowValuesAt: usize = rowTimesAt + 8 * rowsMax;
const scratchAt: usize = rowValuesAt + 8 * rowsMax;
const foundAt: usize = scratchAt + 32;
const chunkAt: usize = scratchAt + 64;

const payloadSizeBytes: u32 = 60;
const payloadBits: u32 = 480;
/** A sample that ends here at the latest is written in place: the last store, of 8 bytes, stays within the cell. */
const inPlaceBitsMax: u32 = 52 * 8 + 7;
const noLeading: u32 = 0xff;
const isIrregular: u32 = 0x80;
const isNamed: u32 = 1;

let origin: usize = 0;

/** The first byte of memory that is free. */
export function base(): usize {
  return __heap_base;
}

/** To be called once, first. */
export function prepare(at: usize): void {
  origin = at;
}

// @ts-ignore: decorator
@inline
function recordAt(slot: u32): usize {
  const page = load<u32>(origin + pageTableAt + ((<usize>(slot >> 10)) << 2));
  return <usize>page + ((<usize>(slot & 1023)) << 6);
}

// @ts-ignore: decorator
@inline
function recordOf(row: u32): usize {
  return recordAt(load<u32>(origin + rowSlotsAt + ((<usize>row) << 2)));
}

// @ts-ignore: decorator
@inline
function timeOf(row: u32): f64 {
  return load<f64>(origin + rowTimesAt + ((<usize>row) << 3));
}

/** A cell behind `before`. The caller of the module has seen to it that there are enough. */
function takeCell(before: u32): u32 {
  const cell = load<u32>(origin);
  const at = (<usize>cell) << 6;
  store<u32>(origin, load<u32>(at));
  store<u32>(origin + 4, load<u32>(origin + 4) - 1);
  store<u32>(at, before);
  return cell;
}

/** The first row, from `from` on, that is not newer than its series or whose series is not named; `to` without one. */
export function screenRows(from: u32, to: u32): u32 {
  for (; from < to; from++) {
    const record = recordOf(from);
    if (!(timeOf(from) > load<f64>(record)) || !(load<u8>(record, 61) & isNamed)) break;
  }
  return from;
}

/** LEB128 at `at`; returns the bytes written. */
function putVarint(at: usize, value: u64): u32 {
  let size: u32 = 0;
  while (value >= 0x80) {
    store<u8>(at + size++, <u8>value | 0x80);
    value >>= 7;
  }
  store<u8>(at + size++, <u8>value);
  return size;
}

/** LEB128 of up to 56 bits as the number that its bytes are. */
function varintBits(value: u64): u64 {
  let bytes: u64 = 0;
  while (value >= 0x80) {
    bytes = (bytes << 8) | (value & 0x7f) | 0x80;
    value >>= 7;
  }
  return (bytes << 8) | value;
}

/** The first sample of a chunk, in a cell of its own. Returns its bits. */
function putFirst(cell: u32, time: i64, value: u64): u32 {
  const payload = ((<usize>cell) << 6) + 4;
  const size = putVarint(payload, <u64>((time << 1) ^ (time >> 63)));
  store<u64>(payload + size, bswap<u64>(value));
  return (size << 3) + 64;
}

/** Copies a sample that goes beyond its cell from the scratch, whose first byte is the one at `at`. Returns the last cell. */
function copyFromScratch(cell: u32, at: u32, size: u32): u32 {
  let payload = ((<usize>cell) << 6) + 4;
  for (let i: u32 = 0; i < size; i++) {
    if (at == payloadSizeBytes) {
      cell = takeCell(cell);
      payload = ((<usize>cell) << 6) + 4;
      at = 0;
    }
    store<u8>(payload + at++, load<u8>(origin + scratchAt + i));
  }
  return cell;
}

/** What part of a full chunk the first chunk of a series is, of 256: see ../series-state-format.ts. */
// @ts-ignore: decorator
@inline
function firstShareOf(row: u32): u32 {
  const slot = load<u32>(origin + rowSlotsAt + ((<usize>row) << 2));
  return 32 + ((((slot * 0x9e3779b1) >>> 24) * 7) >>> 3);
}

/** Whether an open chunk takes no more samples. */
// @ts-ignore: decorator
@inline
function isFull(row: u32, record: usize, count: u32, countMax: u32, bitsMax: u32): bool {
  if (count >= countMax) return true;
  if (bitsMax == 0) return false;
  const bitLength = <u32>load<u16>(record, 56);
  if (bitLength >= bitsMax) return true;
  // The chunk has all samples of its series.
  if (count == 0 || load<u32>(record, 48) != count) return false;
  const share = firstShareOf(row);
  return count << 8 >= countMax * share || bitLength << 8 >= bitsMax * share;
}

/**
 * Appends rows up to the first, from `from` on, that is not newer than its series or whose open chunk is full: see
 * SeriesStateKernel. Returns that row, or `to`. Unless it is 0, `marks` are added to the flags, and become the generation.
 */
export function appendRows(from: u32, to: u32, countMax: u32, marks: u32, bitsMax: u32): u32 {
  for (; from < to; from++) {
    const record = recordOf(from);
    const time = timeOf(from);
    const newestTime = load<f64>(record);
    const count = <u32>load<u8>(record, 58);
    if (!(time > newestTime) || isFull(from, record, count, countMax, bitsMax)) break;

    const value = load<u64>(origin + rowValuesAt + ((<usize>from) << 3));
    let bitLength = <u32>load<u16>(record, 56);
    let leading = <u32>load<u8>(record, 59);
    let trailing = <u32>load<u8>(record, 60) & 0x7f;
    let irregular = <u32>load<u8>(record, 60) & isIrregular;
    let cell = load<u32>(record, 52);

    if (count == 0) {
      cell = takeCell(0);
      bitLength = putFirst(cell, <i64>time, value);
      leading = noLeading;
      irregular = 0;
      store<f64>(record, time, 24);
      store<u32>(record, cell, 52);
    } else {
      const delta = <i64>time - <i64>newestTime;
      /** What goes before the head: a varint, or a long dod, of more bits than one store takes. */
      let first: u64 = 0;
      let firstLength: u32 = 0;
      /** What goes before the window. */
      let head: u64 = 0;
      let headLength: u32 = 0;
      if (count == 1) {
        first = varintBits(<u64>delta);
        firstLength = 64 - <u32>(clz(first) & ~7);
        if (firstLength == 0) firstLength = 8;
      } else {
        const dod = delta - <i64>load<f64>(record, 16);
        if (dod != 0) irregular = isIrregular;
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
          first = <u64>dod;
          firstLength = 68;
        }
      }
      store<f64>(record, <f64>delta, 16);

      const xor = value ^ load<u64>(record, 8);
      let length: u32 = 0;
      if (xor == 0) {
        head <<= 1;
        headLength += 1;
      } else {
        let xorLeading = <u32>clz(xor);
        const xorTrailing = <u32>ctz(xor);
        if (xorLeading > 31) xorLeading = 31;
        if (leading != noLeading && xorLeading >= leading && xorTrailing >= trailing) {
          head = (head << 2) | 0b10;
          headLength += 2;
        } else {
          leading = xorLeading;
          trailing = xorTrailing;
          head = (head << 13) | 0x1800 | (<u64>leading << 6) | (<u64>(64 - leading - trailing) & 0x3f);
          headLength += 13;
        }
        length = 64 - leading - trailing;
      }

      const total = firstLength + headLength + length;
      const inCell = bitLength % payloadBits;
      if (inCell == 0) {
        cell = takeCell(cell);
        store<u32>(record, cell, 52);
      }
      const payload = ((<usize>cell) << 6) + 4;
      const isInPlace = inCell + total <= inPlaceBitsMax;
      let target = payload;
      let bit = inCell;
      if (!isInPlace) {
        target = origin + scratchAt;
        bit = inCell & 7;
        store<u8>(target, load<u8>(payload + (inCell >> 3)));
      }
      const startBit = bit;
      if (firstLength > 32) {
        // A long dod has four bits before its 64.
        const high = (firstLength == 68 ? 0xf00000000 : <u64>0) | (first >> 32);
        put(target, bit, high, firstLength - 32);
        bit += firstLength - 32;
        put(target, bit, first & 0xffffffff, 32);
        bit += 32;
      } else if (firstLength > 0) {
        put(target, bit, first, firstLength);
        bit += firstLength;
      }
      const window = length == 0 ? <u64>0 : xor >> trailing;
      if (headLength + length <= 57) {
        put(target, bit, (head << length) | window, headLength + length);
      } else {
        put(target, bit, head, headLength);
        bit += headLength;
        if (length <= 57) put(target, bit, window, length);
        else {
          put(target, bit, window >> 32, length - 32);
          put(target, bit + length - 32, window & 0xffffffff, 32);
        }
      }
      if (!isInPlace) {
        const last = copyFromScratch(cell, inCell >> 3, (startBit + total + 7) >> 3);
        if (last != cell) store<u32>(record, last, 52);
      }
      bitLength += total;
    }

    store<f64>(record, time);
    store<u64>(record, value, 8);
    store<f64>(record, time, 40);
    if (time < load<f64>(record, 32)) store<f64>(record, time, 32);
    store<u32>(record, load<u32>(record, 48) + 1, 48);
    store<u32>(record, bitLength | ((count + 1) << 16) | (leading << 24), 56);
    if (marks == 0) store<u8>(record, <u8>(trailing | irregular), 60);
    else store<u32>(record, trailing | irregular | ((marks | <u32>load<u8>(record, 61)) << 8), 60);
  }
  return from;
}

/** Copies the body of the open chunk to where `findInChunk` reads it. Returns its size. */
export function gatherOpenChunk(slot: u32): u32 {
  const record = recordAt(slot);
  const chunk = origin + chunkAt;
  store<u16>(chunk, <u16>load<u8>(record, 58) << 8);
  const size = (<u32>load<u16>(record, 56) + 7) >> 3;
  let at: u32 = size == 0 ? 0 : ((size - 1) / payloadSizeBytes) * payloadSizeBytes;
  for (let cell = load<u32>(record, 52); cell != 0; cell = load<u32>((<usize>cell) << 6)) {
    const payload = ((<usize>cell) << 6) + 4;
    const target = chunk + 2 + at;
    for (let i: usize = 0; i < 56; i += 8) store<u64>(target + i, load<u64>(payload + i));
    store<u32>(target + 56, load<u32>(payload + 56));
    at -= payloadSizeBytes;
  }
  // The decoder reads zeros behind the end; what the last cell has there is of another chunk.
  const end = chunk + 2 + size;
  for (let i: usize = 0; i < 32; i += 8) store<u64>(end + i, 0);
  return 2 + size;
}

/**
 * Looks for the sample at `time` in the chunk that was gathered or put there, followed by 32 zeros. Returns 1 and leaves
 * its value in `found`; 0 when there is none; a fault of the chunk, negated.
 */
export function findInChunk(sizeBytes: u32, count: u32, time: f64): i32 {
  return findXor(origin + chunkAt, sizeBytes, count, time, origin + foundAt);
}
