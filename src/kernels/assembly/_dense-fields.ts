/**
 * Reads the fields of a dense chunk. The layout and the faults stand in ../dense-format.ts.
 *
 * Every field is first looked for: when its bytes are not there, or it cannot be, `fault` says so from then on.
 */

import { BITMAP, bitMask, MINIBLOCK, peekWide, POSITIVE } from "./_dense-bits";

const CUT_SHORT: i32 = 1;
const BAD_FIELD: i32 = 2;

/** Where the next field begins, where the chunk ends, and what was wrong first. */
let at: usize = 0;
let end: usize = 0;
export let fault: i32 = 0;

/** The widths of the miniblocks read last. */
let width: u32 = 0;
let entryBits: u32 = 0;
let entriesAt: usize = 0;

/** Begins with the fields of `sizeBytes` bytes, behind which 32 zeros must stand: words are loaded whole. */
export function begin(bytes: usize, sizeBytes: u32): void {
  at = bytes;
  end = bytes + sizeBytes;
  fault = 0;
}

/** Where the next field begins. */
export function position(): usize {
  return at;
}

export function isAtEnd(): bool {
  return at == end;
}

/** Always false, so that a reader can return it. */
export function fail(kind: i32): bool {
  if (fault == 0) fault = kind;
  return false;
}

// @ts-ignore: decorator
@inline
function has(sizeBytes: u64): bool {
  return sizeBytes <= <u64>(end - at) || fail(CUT_SHORT);
}

export function readByte(): u32 {
  return has(1) ? <u32>load<u8>(at++) : 0;
}

/** LEB128 of at most 64 bits. */
export function readVarint(): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (!has(1)) return 0;
    const byte = <u64>load<u8>(at++);
    if (shift == 63 && byte > 1) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail(BAD_FIELD);
  return 0;
}

/** Eight bytes. */
export function readWord(): u64 {
  if (!has(8)) return 0;
  at += 8;
  return load<u64>(at - 8);
}

export function readSigned(): i64 {
  return signed(readVarint());
}

/** A varint from 1 to `most`; 0 when it is none. */
export function readBounded(most: u64): u64 {
  const value = readVarint();
  if (fault == 0 && value != 0 && value <= most) return value;
  fail(BAD_FIELD);
  return 0;
}

// @ts-ignore: decorator
@inline
function signed(zigzag: u64): i64 {
  return <i64>(zigzag >> 1) ^ -(<i64>(zigzag & 1));
}

/** The width of one of the miniblocks read last. */
// @ts-ignore: decorator
@inline
function widthOf(miniblock: u32): u32 {
  return width + <u32>(peekWide(entriesAt, miniblock * entryBits) & bitMask(entryBits));
}

/** Reads `count` integers of 64 bits to `to`. */
export function readMiniblocks(count: u32, to: usize): bool {
  const miniblocks = (count + MINIBLOCK - 1) / MINIBLOCK;
  const head = readByte();
  width = head & 0x7f;
  entryBits = 0;
  entriesAt = at;
  let offsetBits: u32 = 0;
  if (head & 0x80) {
    entryBits = readByte();
    offsetBits = readByte();
  }
  if (fault != 0) return false;
  if (width > 64 || entryBits > 7 || offsetBits > 64) return fail(BAD_FIELD);
  const entryBytes = (miniblocks * entryBits + 7) >> 3;
  const offsetBytes = (miniblocks * offsetBits + 7) >> 3;
  if (!has(entryBytes + offsetBytes)) return false;
  entriesAt = at;
  const offsetsAt = at + entryBytes;
  at = offsetsAt + offsetBytes;

  let next = to;
  for (let i: u32 = 0; i < miniblocks; i++) {
    const length = min<u32>(count - i * MINIBLOCK, MINIBLOCK);
    const ownWidth = widthOf(i);
    if (ownWidth > 64) return fail(BAD_FIELD);
    const offset = peekWide(offsetsAt, i * offsetBits) & bitMask(offsetBits);
    const sizeBytes = (length * ownWidth + 7) >> 3;
    if (!has(sizeBytes)) return false;
    unpack(ownWidth, offset, length, next);
    at += sizeBytes;
    next += <usize>length << 3;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function unpack(ownWidth: u32, offset: u64, length: u32, to: usize): void {
  const mask = bitMask(ownWidth);
  const last = to + (<usize>length << 3);
  let bit: u32 = 0;
  if (ownWidth == 0) {
    const offsets = i64x2.splat(offset);
    let next = to;
    for (; next + 8 < last; next += 16) v128.store(next, offsets);
    if (next < last) store<u64>(next, offset);
  } else if (ownWidth <= 28) {
    // One load holds two.
    let next = to;
    for (; next + 8 < last; next += 16) {
      const word = load<u64>(at + (bit >> 3)) >> (bit & 7);
      store<u64>(next, offset + (word & mask));
      store<u64>(next, offset + ((word >> ownWidth) & mask), 8);
      bit += 2 * ownWidth;
    }
    if (next < last) store<u64>(next, offset + ((load<u64>(at + (bit >> 3)) >> (bit & 7)) & mask));
  } else if (ownWidth <= 57) {
    for (let next = to; next < last; next += 8) {
      store<u64>(next, offset + ((load<u64>(at + (bit >> 3)) >> (bit & 7)) & mask));
      bit += ownWidth;
    }
  } else {
    for (let next = to; next < last; next += 8) {
      store<u64>(next, offset + (peekWide(at, bit) & mask));
      bit += ownWidth;
    }
  }
}

/** Reads `count` positions below `bound`, in increasing order, to `to`. */
export function readPositions(count: u32, bound: u32, to: usize): bool {
  if (!readMiniblocks(count, to)) return false;
  let position: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const gap = load<u64>(to + (<usize>i << 3));
    if (gap >= bound) return fail(BAD_FIELD);
    position += gap;
    if (position >= bound) return fail(BAD_FIELD);
    store<u64>(to + (<usize>i << 3), position++);
  }
  return true;
}

/** Reads a bitmap of `count` bits; writes the positions of those that are set to `to`, and returns how many. */
function readBitmap(count: u32, to: usize): u32 {
  const sizeBytes = (count + 7) >> 3;
  if (!has(sizeBytes)) return 0;
  let next = to;
  for (let from: u32 = 0; from < count; from += 64) {
    const bits = load<u64>(at + (from >> 3)) & bitMask(min<u32>(64, count - from));
    for (let rest = bits; rest != 0; rest &= rest - 1) {
      store<u64>(next, <u64>from + ctz(rest));
      next += 8;
    }
  }
  at += sizeBytes;
  if (next == to) fail(BAD_FIELD);
  return <u32>((next - to) >> 3);
}

/** Reads a count, then as many positions below `bound`. 0 when there are none. */
function readCountedPositions(bound: u32, to: usize): u32 {
  const count = <u32>readBounded(bound);
  return count != 0 && readPositions(count, bound, to) ? count : 0;
}

/**
 * Reads patches and adds them to the `count` integers at `to`, whose miniblocks were read last. `flags` are those of
 * the sequence. `scratch` holds 2 * count.
 */
export function readPatches(count: u32, to: usize, flags: u32, scratch: usize): bool {
  const patchedWidth = width;
  const patchedEntryBits = entryBits;
  const patchedEntriesAt = entriesAt;
  const patchCount = flags & BITMAP ? readBitmap(count, scratch) : readCountedPositions(count, scratch);
  if (fault != 0) return false;
  const highs = scratch + (<usize>patchCount << 3);
  if (!readMiniblocks(patchCount, highs)) return false;
  width = patchedWidth;
  entryBits = patchedEntryBits;
  entriesAt = patchedEntriesAt;
  for (let i: u32 = 0; i < patchCount; i++) {
    const position = <u32>load<u64>(scratch + (<usize>i << 3));
    const stored = load<u64>(highs + (<usize>i << 3)) + 1;
    const high = flags & POSITIVE ? stored : <u64>signed(stored);
    const patchWidth = widthOf(position / MINIBLOCK);
    // A width of 64 leaves nothing above it.
    if (patchWidth > 63) return fail(BAD_FIELD);
    const place = to + (<usize>position << 3);
    store<u64>(place, load<u64>(place) + (high << patchWidth));
  }
  return true;
}
