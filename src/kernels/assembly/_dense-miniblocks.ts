/**
 * Chooses the widths of miniblocks and writes them. The layout stands in ../dense-format.ts.
 */

import { bitMask, MINIBLOCK, putWide } from "./_dense-bits";

/** About what a patch of a miniblock costs beside its high bits. */
const PATCH_BITS: u64 = 9;

/** About what so many patches of `count` elements cost beside their high bits: gaps, or all the bits of a bitmap. */
// @ts-ignore: decorator
@inline
function patchBits(patches: u64, count: u32): u64 {
  if (count <= MINIBLOCK) return patches * PATCH_BITS;
  return patches == 0 ? 0 : min<u64>(patches * (3 + lengthOf(<u64>count / patches)), <u64>count + patches);
}

/** The kinds of plan: one width for all, a width for each miniblock, and an offset for each as well. */
export const UNIFORM: i32 = 0;
export const VARIED: i32 = 1;
export const OFFSET: i32 = 2;

/** The plan: a width (u8) and an offset (u64) for each miniblock. */
let widths: usize = 0;
let offsets: usize = 0;

/** Elements by their length in bits, 0 to 64: 16 bits each. */
const HISTOGRAM_BYTES: i32 = 144;
const histogram = memory.data(HISTOGRAM_BYTES, 16);

/** Both pointers need room for as many miniblocks as will be planned, aligned to 8 bytes. */
export function setPlanMemory(widthsAt: usize, offsetsAt: usize): void {
  widths = widthsAt;
  offsets = offsetsAt;
}

// @ts-ignore: decorator
@inline
export function lengthOf(value: u64): u32 {
  return 64 - <u32>clz(value);
}

// @ts-ignore: decorator
@inline
export function planWidth(miniblock: u32): u32 {
  return load<u8>(widths + miniblock);
}

// @ts-ignore: decorator
@inline
export function planOffset(miniblock: u32): u64 {
  return load<u64>(offsets + (<usize>miniblock << 3));
}

/** Whether all elements are equal to `level`. */
function isLevel(from: usize, count: u32, level: i64): bool {
  const last = from + (<usize>count << 3);
  let next = from;
  while (next < last && load<i64>(next) == level) next += 8;
  return next == last;
}

/** Set by chooseWidth, which has two results. */
let chosenWidth: u32 = 0;

/**
 * The width at which the elements at `from`, less `subtrahend`, take the fewest bits, which are returned. When
 * they can be patched they are signed, and what is negative or too wide becomes a patch.
 */
function chooseWidth(from: usize, count: u32, subtrahend: i64, canPatch: bool): u64 {
  if (isLevel(from, count, subtrahend)) {
    chosenWidth = 0;
    return 0;
  }
  // A loop is quicker than memory.fill for so little.
  for (let at: usize = 0; at < <usize>HISTOGRAM_BYTES; at += 16) v128.store(histogram + at, i64x2.splat(0));
  let all: u64 = 0;
  let negative: u64 = 0;
  let negativeBits: u64 = 0;
  const last = from + (<usize>count << 3);
  for (let next = from; next < last; next += 8) {
    const element = load<i64>(next) - subtrahend;
    if (canPatch && element < 0) {
      negative++;
      negativeBits += lengthOf(~element);
    } else {
      const place = histogram + (<usize>lengthOf(element) << 1);
      store<u16>(place, load<u16>(place) + 1);
      all |= element;
    }
  }
  const longest = lengthOf(all);
  chosenWidth = longest;
  let best: u64 = ~(<u64>0);
  let patches = negative;
  let highBits: u64 = 0;
  for (let width = <i32>longest; width >= 0; width--) {
    const saved = negative * <u64>width;
    const bits =
      <u64>count * <u64>width +
      patchBits(patches, count) +
      // All high bits are as wide as the widest.
      highBits +
      (highBits >> 1) +
      (negativeBits > saved ? negativeBits - saved : 0);
    if (bits < best) {
      best = bits;
      chosenWidth = width;
    }
    if (!canPatch) break;
    patches += load<u16>(histogram + (<usize>width << 1));
    highBits += patches - negative;
    if (patchBits(patches, count) > best) break;
  }
  return best;
}

/** The least element that is not below `lowest`, less `lowest`. */
function offsetOf(from: usize, count: u32, lowest: i64, canPatch: bool): u64 {
  let least = ~(<u64>0);
  const last = from + (<usize>count << 3);
  for (let next = from; next < last; next += 8) {
    const element = load<i64>(next) - lowest;
    if (canPatch && element < 0) continue;
    if (<u64>element < least) least = element;
  }
  return least == ~(<u64>0) ? 0 : least;
}

/** Plans the miniblocks of the elements at `from`, less `lowest`, and returns their size in bits. */
export function planMiniblocks(from: usize, count: u32, lowest: i64, canPatch: bool, kind: i32): u64 {
  const miniblocks = (count + MINIBLOCK - 1) / MINIBLOCK;
  if (kind == UNIFORM) {
    const bits = chooseWidth(from, count, lowest, canPatch);
    memory.fill(widths, <u8>chosenWidth, miniblocks);
    memory.fill(offsets, 0, <usize>miniblocks << 3);
    return bits + 8;
  }
  let bits: u64 = 0;
  let least: u32 = 64;
  let most: u32 = 0;
  let allOffsets: u64 = 0;
  for (let i: u32 = 0; i < miniblocks; i++) {
    const at = from + (<usize>(i * MINIBLOCK) << 3);
    const length = min<u32>(count - i * MINIBLOCK, MINIBLOCK);
    const offset = kind == OFFSET ? offsetOf(at, length, lowest, canPatch) : 0;
    bits += chooseWidth(at, length, lowest + offset, canPatch);
    store<u8>(widths + i, <u8>chosenWidth);
    store<u64>(offsets + (<usize>i << 3), offset);
    least = min(least, chosenWidth);
    most = max(most, chosenWidth);
    allOffsets |= offset;
  }
  return bits + 24 + <u64>miniblocks * <u64>(lengthOf(most - least) + lengthOf(allOffsets));
}

/** Writes the elements at `from`, less `lowest`, as planned, and returns where they end. Room must be zeros. */
export function writeMiniblocks(from: usize, count: u32, lowest: i64, to: usize): usize {
  const miniblocks = (count + MINIBLOCK - 1) / MINIBLOCK;
  let least: u32 = 64;
  let most: u32 = 0;
  let allOffsets: u64 = 0;
  for (let i: u32 = 0; i < miniblocks; i++) {
    least = min(least, planWidth(i));
    most = max(most, planWidth(i));
    allOffsets |= planOffset(i);
  }
  const entryBits = lengthOf(most - least);
  const offsetBits = lengthOf(allOffsets);
  const isVaried = (entryBits | offsetBits) != 0;
  store<u8>(to++, <u8>(least | (isVaried ? 0x80 : 0)));
  if (isVaried) {
    store<u8>(to++, <u8>entryBits);
    store<u8>(to++, <u8>offsetBits);
  }
  for (let i: u32 = 0; i < miniblocks; i++) putWide(to, i * entryBits, planWidth(i) - least);
  to += (miniblocks * entryBits + 7) >> 3;
  for (let i: u32 = 0; i < miniblocks; i++) putWide(to, i * offsetBits, planOffset(i));
  to += (miniblocks * offsetBits + 7) >> 3;

  for (let i: u32 = 0; i < miniblocks; i++) {
    const at = from + (<usize>(i * MINIBLOCK) << 3);
    const length = min<u32>(count - i * MINIBLOCK, MINIBLOCK);
    const width = planWidth(i);
    const mask = bitMask(width);
    const subtrahend = lowest + planOffset(i);
    for (let k: u32 = 0; k < length; k++) {
      putWide(to, k * width, <u64>(load<i64>(at + (<usize>k << 3)) - subtrahend) & mask);
    }
    to += (length * width + 7) >> 3;
  }
  return to;
}

/** Writes unsigned integers in the kind of miniblocks that is smallest. */
export function writePlain(from: usize, count: u32, to: usize): usize {
  let best = UNIFORM;
  let bestBits = planMiniblocks(from, count, 0, false, UNIFORM);
  for (let kind = VARIED; kind <= OFFSET; kind++) {
    const bits = planMiniblocks(from, count, 0, false, kind);
    if (bits >= bestBits) continue;
    best = kind;
    bestBits = bits;
  }
  planMiniblocks(from, count, 0, false, best);
  return writeMiniblocks(from, count, 0, to);
}
