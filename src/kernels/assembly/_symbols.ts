/**
 * The symbols of a remote write 2.0 request, and labels gathered from them.
 *
 *   symbol  address u32 of its length in the message, size u32 of length and text, hash u32 of the text or 0
 *
 * The labels of a series are written anew as the label fields of a 1.0 series: the bytes that they are known by do
 * not depend on how a request numbers its symbols, and one decoder reads both. They stay for as long as the scan's
 * entries point to them.
 */

import { fail, LABELS_TOO_LARGE, NO_EMPTY_SYMBOL, REGION_FULL } from "./_fault";
import { enter, fieldEnd, readVarint, varint } from "./_protobuf";
import { allocate, copyPadded, grownCapacity } from "./_region";
import { areEqual, hashOf, KEY_HEADER, sizeOf } from "./_series-table";

const SYMBOL: usize = 12;
/** Two tags and a length, besides the two texts with theirs. */
const LABEL_OVERHEAD: usize = 8;

let symbols: usize = 0;
let symbolCapacity: u32 = 0;
export let symbolCount: u32 = 0;

let gathered: usize = 0;
let gatheredEnd: usize = 0;
/** Where the labels of the series begin that is being gathered, and where they end. */
export let labelsAt: usize = 0;
export let labelsEnd: usize = 0;
/** Bytes of all labels of this request. */
let expandedBytes: usize = 0;
let expandedMax: usize = 0;
let hasGatherFailed = false;

export function beginSymbols(labelBytesMax: usize): void {
  if (symbolCapacity == 0) growSymbols();
  symbolCount = 0;
  labelsAt = gathered;
  labelsEnd = gathered;
  expandedBytes = 0;
  expandedMax = labelBytesMax;
}

/** Makes room for what the last scan had no room for. */
export function growSymbols(): void {
  if (symbolCount == symbolCapacity) {
    symbolCapacity = <u32>grownCapacity(symbolCapacity, symbolCount + 1, 4096);
    symbols = allocate(<usize>symbolCapacity * SYMBOL);
  }
  if (gathered == 0 || hasGatherFailed) {
    const capacity = grownCapacity((gatheredEnd - gathered) << 1, 65_536, 65_536);
    gathered = allocate(capacity);
    gatheredEnd = gathered + capacity;
    hasGatherFailed = false;
  }
}

/** Adds the symbol whose length is at `at`; returns the end of it, 0 after a fault. */
export function addSymbol(at: usize, end: usize): usize {
  if (enter(at, end) == 0) return 0;
  if (symbolCount == symbolCapacity) return fail(REGION_FULL, at);
  const symbol = symbols + <usize>symbolCount * SYMBOL;
  store<u32>(symbol, at);
  store<u32>(symbol, fieldEnd - at, 4);
  store<u32>(symbol, 0, 8);
  symbolCount++;
  return fieldEnd;
}

/** The first symbol must be the empty one. */
export function checkSymbols(messageAt: usize): bool {
  const isThere = symbolCount > 0 && load<u32>(symbols, 4) == 1;
  return isThere || fail(NO_EMPTY_SYMBOL, messageAt) != 0;
}

/** Where the symbol's length stands. */
export function symbolAt(ref: u32): u32 {
  return load<u32>(symbols + <usize>ref * SYMBOL);
}

/** Of the length and the text. */
export function symbolSize(ref: u32): u32 {
  return load<u32>(symbols + <usize>ref * SYMBOL, 4);
}

export function symbolHash(ref: u32): u32 {
  const symbol = symbols + <usize>ref * SYMBOL;
  let hash = load<u32>(symbol, 8);
  if (hash == 0) {
    hash = hashOf(load<u32>(symbol), load<u32>(symbol, 4)) | 1;
    store<u32>(symbol, hash, 8);
  }
  return hash;
}

/** Begins the labels of another series. Those of the last one are kept if `keepLast`. */
// @ts-ignore: decorator
@inline
export function beginLabels(keepLast: bool): void {
  if (keepLast) labelsAt = labelsEnd;
  else labelsEnd = labelsAt;
}

/** Appends a label, of two refs that are valid; returns false after a fault. */
export function gatherLabel(nameRef: u32, valueRef: u32, at: usize): bool {
  const name = symbols + <usize>nameRef * SYMBOL;
  const value = symbols + <usize>valueRef * SYMBOL;
  const nameSize: usize = load<u32>(name, 4);
  const valueSize: usize = load<u32>(value, 4);
  const size = nameSize + valueSize + 2;
  expandedBytes += size + 2;
  if (expandedBytes > expandedMax) return fail(LABELS_TOO_LARGE, at) != 0;
  if (size + LABEL_OVERHEAD > gatheredEnd - labelsEnd) {
    hasGatherFailed = true;
    return fail(REGION_FULL, at) != 0;
  }
  let to = labelsEnd;
  store<u8>(to++, 0x0a);
  let rest = size;
  for (; rest >= 0x80; rest >>= 7) store<u8>(to++, <u8>(rest | 0x80));
  store<u8>(to++, <u8>rest);
  store<u8>(to++, 0x0a);
  copyPadded(to, load<u32>(name), nameSize);
  to += nameSize;
  store<u8>(to++, 0x12);
  copyPadded(to, load<u32>(value), valueSize);
  labelsEnd = to + valueSize;
  return true;
}

/** Whether the refs from `at` to `end` stand for the very label bytes of a key: what `gatherLabel` would write. */
export function areLabelsOf(key: usize, at: usize, end: usize): bool {
  let label = key + KEY_HEADER;
  const labelsEnd = label + sizeOf(key);
  while (at < end) {
    at = readVarint(at, end);
    if (at == 0 || varint >= <u64>symbolCount) return false;
    const name = symbols + <usize>varint * SYMBOL;
    at = readVarint(at, end);
    if (at == 0 || varint >= <u64>symbolCount) return false;
    const value = symbols + <usize>varint * SYMBOL;
    const nameSize: usize = load<u32>(name, 4);
    const valueSize: usize = load<u32>(value, 4);
    const size = nameSize + valueSize + 2;
    // A label of more bytes has a longer length: such a series is gathered.
    if (size >= 0x80 || label + 2 + size > labelsEnd) return false;
    if (load<u16>(label) != <u16>((size << 8) | 0x0a) || load<u8>(label, 2) != 0x0a) return false;
    if (!areEqual(label + 3, load<u32>(name), nameSize)) return false;
    label += 3 + nameSize;
    if (load<u8>(label) != 0x12 || !areEqual(label + 1, load<u32>(value), valueSize)) return false;
    label += 1 + valueSize;
  }
  return label == labelsEnd;
}
