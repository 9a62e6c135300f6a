/**
 * Chooses how a sequence of integers is written, and writes it. The layout stands in ../dense-format.ts.
 */

import { BITMAP, FACTOR, MINIBLOCK, PATCHED, POSITIVE, SUMMED } from "./_dense-bits";
import { OFFSET, planMiniblocks, planOffset, planWidth, UNIFORM, VARIED, writeMiniblocks, writePlain } from "./_dense-miniblocks";

/** The forms of a sequence: from a level, from a sloped line, as the sum of its steps. */
const FLAT: i32 = 0;
const SLOPED: i32 = 1;
const SUMS: i32 = 2;

/** Nothing is shorter than miniblocks of width 0. */
const ALL_ZERO_BITS: u64 = 8;

/** A form that at first takes so many times the bits of another is left. */
const HOPELESS: u64 = 4;

/** Some of the elements, in order. */
const SAMPLE: u32 = 64;
const sample = memory.data(64 * 8, 8);
/** Where the range to be packed may begin: so many of the least elements, and two of the sample. */
const LEAST: u32 = 4;
const candidates = memory.data(6 * 8, 8);

/** Set by `layOutSteps`: steps[i] * factor + origin is the integer, less the line, or the difference. */
let origin: i64 = 0;
let slope: i64 = 0;
let factor: i64 = 1;

/** LEB128; returns where it ends. */
export function writeVarint(value: u64, to: usize): usize {
  while (value >= 0x80) {
    store<u8>(to++, <u8>value | 0x80);
    value >>= 7;
  }
  store<u8>(to++, <u8>value);
  return to;
}

// @ts-ignore: decorator
@inline
function zigzag(value: i64): u64 {
  return <u64>((value << 1) ^ (value >> 63));
}

/** Sorts up to 64 elements spread over the `count` at `from` into `sample`; returns how many they are. */
function drawSample(from: usize, count: u32, differences: bool): u32 {
  const first: u32 = differences ? 1 : 0;
  const drawn = min<u32>(count - first, SAMPLE);
  for (let i: u32 = 0; i < drawn; i++) {
    const index = first + <u32>((<u64>i * <u64>(count - first)) / drawn);
    let value = load<i64>(from + (<usize>index << 3));
    if (differences) value -= load<i64>(from + (<usize>(index - 1) << 3));
    let at = i;
    while (at > 0 && load<i64>(sample + (<usize>(at - 1) << 3)) > value) {
      store<i64>(sample + (<usize>at << 3), load<i64>(sample + (<usize>(at - 1) << 3)));
      at--;
    }
    store<i64>(sample + (<usize>at << 3), value);
  }
  return drawn;
}

// @ts-ignore: decorator
@inline
function sampled(index: u32): i64 {
  return load<i64>(sample + (<usize>index << 3));
}

/**
 * Fills `candidates` with elements at which the range to be packed may begin, and returns how many they are: the
 * least, and each of the next ones without which the range would be much shorter; the middle one if it is common.
 */
function findCandidates(steps: usize, count: u32): u32 {
  const least = findLeast(steps, count);
  const drawn = drawSample(steps, count, false);
  const top = sampled(drawn - 1 - (drawn >> 4));
  let found: u32 = 1;
  let range = <u64>(top - candidate(0));
  for (let i: u32 = 1; i <= least; i++) {
    const next = i < least ? candidate(i) : sampled(drawn >> 4);
    if (next > top || <u64>(top - next) > range - (range >> 3)) continue;
    range = top - next;
    setCandidate(found++, next);
  }
  if (sampled(drawn >> 2) == sampled(drawn - 1 - (drawn >> 2))) setCandidate(found++, sampled(drawn >> 1));
  return found;
}

// @ts-ignore: decorator
@inline
function candidate(index: u32): i64 {
  return load<i64>(candidates + (<usize>index << 3));
}

// @ts-ignore: decorator
@inline
function setCandidate(index: u32, value: i64): void {
  store<i64>(candidates + (<usize>index << 3), value);
}

/** The least elements, in order, to `candidates`. */
function findLeast(steps: usize, count: u32): u32 {
  const found = min(count, LEAST);
  for (let i: u32 = 0; i < found; i++) setCandidate(i, i64.MAX_VALUE);
  let bound = i64.MAX_VALUE;
  const last = steps + (<usize>count << 3);
  for (let next = steps; next < last; next += 8) {
    const value = load<i64>(next);
    if (value >= bound) continue;
    let at = found - 1;
    for (; at > 0 && candidate(at - 1) > value; at--) setCandidate(at, candidate(at - 1));
    setCandidate(at, value);
    bound = candidate(found - 1);
  }
  return found;
}

function greatestDivisor(a: u64, b: u64): u64 {
  while (b != 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/** What is left of the integers at `from` in a form, divided by its common factor, goes to `steps`. */
function layOutSteps(from: usize, count: u32, form: i32, median: i64, steps: usize): void {
  slope = form == SLOPED ? median : 0;
  let common: u64 = 0;
  let line: i64 = 0;
  let before: i64 = load<i64>(from) - median;
  origin = form == SUMS ? median : load<i64>(from);
  for (let i: usize = 0; i < count; i++) {
    const integer = load<i64>(from + (i << 3));
    const step = (form == SUMS ? integer - before : integer - line) - origin;
    before = integer;
    line += slope;
    if (common != 1) common = greatestDivisor(step < 0 ? -step : step, common);
    store<i64>(steps + (i << 3), step);
  }
  // A factor has 32 bits.
  while (common > 0xffffffff) common = (common & 1) == 0 ? common >> 1 : 1;
  factor = common == 0 ? 1 : common;
  if (factor == 1) return;
  for (let i: usize = 0; i < count; i++) store<i64>(steps + (i << 3), load<i64>(steps + (i << 3)) / factor);
}

/** The shortest of what was tried. */
let bestBits: u64 = 0;
let bestForm: i32 = 0;
let bestKind: i32 = 0;
let bestLowest: i64 = 0;

/** Tries the ways to pack the steps of a form, unless it is hopeless: where to begin first, then how widths vary. */
function tryForm(from: usize, count: u32, form: i32, median: i64, steps: usize): void {
  layOutSteps(from, count, form, median, steps);
  const found = findCandidates(steps, count);
  let lowest = candidate(0);
  let leastBits = ~(<u64>0);
  for (let i: u32 = 0; i < found; i++) {
    const bits = planMiniblocks(steps, count, candidate(i), true, UNIFORM);
    if (i == 0 && bits / HOPELESS > bestBits) return;
    if (bits >= leastBits) continue;
    leastBits = bits;
    lowest = candidate(i);
  }
  keepBest(leastBits, form, UNIFORM, lowest);
  for (let kind = VARIED; kind <= OFFSET; kind++) {
    keepBest(planMiniblocks(steps, count, lowest, true, kind), form, kind, lowest);
  }
}

function keepBest(bits: u64, form: i32, kind: i32, lowest: i64): void {
  if (bits >= bestBits) return;
  bestBits = bits;
  bestForm = form;
  bestKind = kind;
  bestLowest = lowest;
}

/**
 * Writes the `count` integers at `from`, and returns where they end. `scratch` needs room for three times as many;
 * `to` must be zeros.
 */
export function writeSequence(from: usize, count: u32, scratch: usize, to: usize): usize {
  const steps = scratch;
  const median = count > 1 ? sampled(drawSample(from, count, true) >> 1) : 0;
  bestBits = ~(<u64>0);
  const level = median == 0 ? FLAT : SLOPED;
  tryForm(from, count, level, median, steps);
  if (bestBits > ALL_ZERO_BITS) tryForm(from, count, SUMS, median, steps);
  if (bestBits > ALL_ZERO_BITS && level == SLOPED) tryForm(from, count, FLAT, median, steps);
  const lowest = bestLowest;
  layOutSteps(from, count, bestForm, median, steps);
  planMiniblocks(steps, count, lowest, true, bestKind);

  const base = origin + factor * lowest;
  const isSummed = bestForm == SUMS;
  // In a sum the first step is part of the first integer.
  const first = isSummed ? load<i64>(from) - factor * (load<i64>(steps) - lowest) : base;
  const flags = (isSummed ? SUMMED : 0) | (factor != 1 ? FACTOR : 0);
  const flagsAt = to++;
  to = writeVarint(zigzag(first), to);
  to = writeVarint(zigzag(isSummed ? base : slope), to);
  if (factor != 1) to = writeVarint(factor, to);
  to = writeMiniblocks(steps, count, lowest, to);
  return writePatches(steps, count, lowest, flags, flagsAt, to);
}

/** Writes the steps that do not fit their planned width, and all flags to `flagsAt`. */
function writePatches(steps: usize, count: u32, lowest: i64, flags: u32, flagsAt: usize, to: usize): usize {
  const gaps = steps + (<usize>count << 3);
  const highs = gaps + (<usize>count << 3);
  const patches = findPatches(steps, count, lowest, gaps, highs);
  store<u8>(flagsAt, <u8>flags);
  if (patches == 0) return to;
  flags |= PATCHED;
  const gapsEnd = writePlain(gaps, patches, writeVarint(patches, to));
  const bitmapSize = (count + 7) >> 3;
  if (gapsEnd - to > bitmapSize) {
    flags |= BITMAP;
    memory.fill(to, 0, gapsEnd - to);
    writeBitmap(gaps, patches, to);
    to += bitmapSize;
  } else to = gapsEnd;
  if (makePositive(highs, patches)) flags |= POSITIVE;
  store<u8>(flagsAt, <u8>flags);
  return writePlain(highs, patches, to);
}

/** Sets a bit behind each gap. */
function writeBitmap(gaps: usize, count: u32, to: usize): void {
  let position: u32 = 0;
  for (let i: usize = 0; i < count; i++) {
    position += <u32>load<u64>(gaps + (i << 3));
    const at = to + (position >> 3);
    store<u8>(at, load<u8>(at) | <u8>(<u32>1 << (position & 7)));
    position++;
  }
}

/** High bits as they are written: less 1 when all are positive, which is returned; their zigzag less 1 when not. */
function makePositive(highs: usize, count: u32): bool {
  const last = highs + (<usize>count << 3);
  let least = i64.MAX_VALUE;
  for (let next = highs; next < last; next += 8) least = min(least, load<i64>(next));
  for (let next = highs; next < last; next += 8) {
    const high = load<i64>(next);
    store<u64>(next, (least > 0 ? <u64>high : zigzag(high)) - 1);
  }
  return least > 0;
}

/** The steps that do not fit their planned width: the gaps before them, and what stands above the width. */
function findPatches(steps: usize, count: u32, lowest: i64, gaps: usize, highs: usize): u32 {
  let patches: usize = 0;
  let behind: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const miniblock = i / MINIBLOCK;
    const width = planWidth(miniblock);
    if (width == 64) continue;
    const high = (load<i64>(steps + (<usize>i << 3)) - lowest - <i64>planOffset(miniblock)) >> width;
    if (high == 0) continue;
    store<u64>(gaps + (patches << 3), i - behind);
    store<i64>(highs + (patches << 3), high);
    behind = i + 1;
    patches++;
  }
  return <u32>patches;
}
