/**
 * The module of ../wasm-remote-write-kernel.ts: decompresses a body, scans it, and remembers label bytes.
 */

import { forgetFault } from "./_fault";
import { allocate, grownCapacity } from "./_region";
import { assignRows, entryAt, growRows } from "./_rows";
import { add, find, indexOf, NONE, setMetadata } from "./_series-table";
import { decodeElements } from "./_snappy";
import { growSymbols } from "./_symbols";

export { fault, faultAt } from "./_fault";
export {
  ends as splitEnds,
  instances as splitInstances,
  jobs as splitJobs,
  names as splitNames,
  numbers as splitNumbers,
  pairAt,
  pairs as splitPairs,
  positions as splitPositions,
  rememberAll,
  splitAll,
  splitCount,
} from "./_label-pairs";
export { allocatedBytes } from "./_region";
export { entries, entryCount, rowCount, seriesIndexes, times, values } from "./_rows";
export { knownCount, tableBytes } from "./_series-table";
export { exemplarCount, histogramCount, lostSamples, malformedCount } from "./_write-request";
import { scanRequest2, scanWriteRequest } from "./_write-request";

/** Keys that are longer are decoded each time. */
const KEY_SIZE_MAX: u32 = 65_536;

let input: usize = 0;
let inputCapacity: usize = 0;
let message: usize = 0;
let messageCapacity: usize = 0;
let messageSize: usize = 0;

/** The first byte of memory that is free. */
export function base(): usize {
  return __heap_base;
}

/** Where a body of this size is to be put. */
export function reserveInput(sizeBytes: usize): usize {
  if (sizeBytes > inputCapacity || input == 0) {
    inputCapacity = grownCapacity(inputCapacity, sizeBytes, 65_536);
    input = allocate(inputCapacity);
  }
  return input;
}

export function messageAt(): usize {
  return message;
}

/** Whether a message of this size needs another region. */
export function mustGrow(decodedSize: usize): bool {
  return decodedSize > messageCapacity;
}

/** To be called after a scan that found a region full. */
export function grow(): void {
  growRows();
  growSymbols();
}

/** Decodes a Snappy block of `decodedSize` bytes whose elements are from `start` to `size` of the input. */
export function decompress(start: usize, size: usize, decodedSize: usize): bool {
  forgetFault();
  if (decodedSize > messageCapacity || message == 0) {
    messageCapacity = grownCapacity(messageCapacity, decodedSize, 65_536);
    message = allocate(messageCapacity);
  }
  messageSize = decodedSize;
  return decodeElements(input + start, input + size, message, decodedSize);
}

/** Scans what `decompress` has decoded. */
export function scan(isVersion2: bool, owner: u32, labelBytesMax: usize): bool {
  forgetFault();
  const end = message + messageSize;
  return isVersion2
    ? scanRequest2(message, end, owner, labelBytesMax)
    : scanWriteRequest(message, end, owner);
}

/** The index that the label bytes of an entry are known by now, or NONE. */
export function findEntry(position: u32, owner: u32): u32 {
  const entry = entryAt(position);
  if (load<u32>(entry, 60) == 0) return NONE;
  const key = find(load<u32>(entry, 24), owner, load<u32>(entry, 16), load<u32>(entry, 20));
  return key == 0 ? NONE : indexOf(key);
}

/** Remembers the label bytes of an entry that are not known; returns false when they cannot be. */
export function remember(position: u32, owner: u32, index: u32): bool {
  const entry = entryAt(position);
  const size = load<u32>(entry, 20);
  if (load<u32>(entry, 60) == 0 || size > KEY_SIZE_MAX) return false;
  return add(load<u32>(entry, 24), owner, load<u32>(entry, 16), size, index, load<u32>(entry, 52));
}

/** The metadata of an entry with an index have been passed on. */
export function acknowledgeMetadata(position: u32): void {
  const entry = entryAt(position);
  const key: usize = load<u32>(entry, 56);
  if (key != 0) setMetadata(key, load<u32>(entry, 52));
}

/** Gives the rows of an entry to a series. */
export function assignEntry(position: u32, index: u32): void {
  const entry = entryAt(position);
  assignRows(load<u32>(entry, 8), load<u32>(entry, 12), index);
}
