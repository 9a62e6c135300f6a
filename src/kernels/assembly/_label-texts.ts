/**
 * Names and values of labels as numbers of texts: the series of a fleet share nearly all of them, and each is made a
 * string of once. A table of places, each with the text that came last; which place a text has is told by its hash.
 *
 *   place  ┌──────────┬────────────────────┐     split text  ┌───────────────────────────────┬─────────────┬──────────┐
 *          │ size u32 │ bytes[size <= 124] │                 │ place u32, high bit: it is new │ address u32 │ size u32 │
 *          └──────────┴────────────────────┘                 └───────────────────────────────┴─────────────┴──────────┘
 *
 * Only labels in the form in which nearly all senders write them are split: ASCII of at least one byte, a name and then
 * a value, names in order. Others are decoded from their bytes by ../../ingest/remote-write/decode-labels.ts, which says
 * what is wrong with them, if anything is. The oracle is in ../reference-label-texts.ts.
 */

import { allocate, copyPadded } from "./_region";
import { areEqual, hashOf } from "./_series-table";

const PLACES: u32 = 4096;
const PLACE: usize = 144;
const TEXT_SIZE_MAX: u32 = 124;
const TEXTS_MAX: u32 = 128;
const SPLIT_TEXT: usize = 12;
const IS_NEW: u32 = 0x80000000;
const HIGH_BITS: u64 = 0x8080808080808080;

let places: usize = 0;
/** The texts of the labels that were split last. */
export let splitTexts: usize = 0;
let splitCount: u32 = 0;

/** Splits label fields; returns how many texts there are, names and values in turn, or 0. */
export function split(at: usize, size: usize, textSizeMax: u32): u32 {
  const count = splitFields(at, size, textSizeMax);
  if (count == 0) forgetNew();
  return count;
}

/** Nobody looks at the texts: those that are new must be new again. */
function forgetNew(): void {
  for (let i: u32 = 0; i < splitCount; i++) {
    const number = load<u32>(splitTexts + <usize>i * SPLIT_TEXT);
    if (number >= IS_NEW) store<u32>(places + <usize>(number & ~IS_NEW) * PLACE, 0);
  }
}

function splitFields(at: usize, size: usize, textSizeMax: u32): u32 {
  if (places == 0) {
    places = allocate(<usize>PLACES * PLACE);
    memory.fill(places, 0, <usize>PLACES * PLACE);
    splitTexts = allocate(<usize>TEXTS_MAX * SPLIT_TEXT);
  }
  const most = min(textSizeMax, TEXT_SIZE_MAX);
  const end = at + size;
  splitCount = 0;
  let nameBefore: usize = 0;
  let nameSizeBefore: u32 = 0;
  while (at < end) {
    // Tag, length in one byte or two, tag and length of the name; loads beyond the end are within the padding.
    if (load<u8>(at) != 0x0a || splitCount == TEXTS_MAX) return 0;
    let labelSize: u32 = load<u8>(at, 1);
    at += 2;
    if (labelSize >= 0x80) {
      const high: u32 = load<u8>(at++);
      if (high >= 0x80) return 0;
      labelSize = (labelSize & 0x7f) | (high << 7);
    }
    const nameSize: u32 = load<u8>(at, 1);
    const name = at + 2;
    const valueAt = name + nameSize;
    if (load<u8>(at) != 0x0a || nameSize == 0 || nameSize > most || valueAt + 2 > end) return 0;
    const valueSize: u32 = load<u8>(valueAt, 1);
    const value = valueAt + 2;
    if (load<u8>(valueAt) != 0x12 || valueSize == 0 || valueSize > most) return 0;
    if (labelSize != nameSize + valueSize + 4 || value + valueSize > end) return 0;
    if (nameBefore != 0 && !isBefore(nameBefore, nameSizeBefore, name, nameSize)) return 0;
    if (!addText(name, nameSize) || !addText(value, valueSize)) return 0;
    nameBefore = name;
    nameSizeBefore = nameSize;
    at = value + valueSize;
  }
  return splitCount;
}

/** In the order of bytes. */
function isBefore(a: usize, sizeA: u32, b: usize, sizeB: u32): bool {
  const size = min(sizeA, sizeB);
  for (let i: u32 = 0; i < size; i++) {
    const x = load<u8>(a + i);
    const y = load<u8>(b + i);
    if (x != y) return x < y;
  }
  return sizeA < sizeB;
}

/** Returns false when the text is not ASCII. */
function addText(at: usize, size: u32): bool {
  const hash = hashOf(at, size);
  const number = hash & (PLACES - 1);
  const place = places + <usize>number * PLACE;
  let isNew: u32 = 0;
  if (load<u32>(place) != size || !areEqual(place + 4, at, size)) {
    if (!isAscii(at, size)) return false;
    isNew = IS_NEW;
    store<u32>(place, size);
    copyPadded(place + 4, at, size);
  }
  const text = splitTexts + <usize>splitCount * SPLIT_TEXT;
  store<u32>(text, number | isNew);
  store<u32>(text, <u32>at, 4);
  store<u32>(text, size, 8);
  splitCount++;
  return true;
}

function isAscii(at: usize, size: u32): bool {
  const end = at + size;
  for (; at + 8 <= end; at += 8) if ((load<u64>(at) & HIGH_BITS) != 0) return false;
  for (; at < end; at++) if (load<u8>(at) >= 0x80) return false;
  return true;
}
