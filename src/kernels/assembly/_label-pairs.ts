/**
 * The labels of new series as numbers of label pairs: the series of a fleet share nearly all of them. Each pair is kept
 * once, and numbered from 1; an open-addressing table finds it by its bytes.
 *
 *   slot  hash u32, number u32 (0: free)     pair  size u32, bytes[size]: name and value, as in a Label of 1.0
 *
 * All new series of a body are split at once (`splitAll`), into columns; then those that were given numbers are
 * remembered (`rememberAll`). Only labels in the form in which nearly all senders write them are split: ASCII of at
 * least one byte, a name and then a value, names in order, the metric's name among them. The other series stay entries.
 *
 * As in _series-table.ts nothing is removed but by a new instance, and 64 slots are looked at: a pair that is not found
 * there and has no room there leaves its series an entry. The oracle is in ../reference-label-pairs.ts.
 */

import { allocate, copyPadded, grownCapacity } from "./_region";
import { assignRows, ENTRY_SIZE, entryAt, entryCount, keepEntries } from "./_rows";
import { add, areEqual, countTableBytes, find, hashOf, indexOf, NONE } from "./_series-table";

const SERIES: u32 = 1;
const TEXT_SIZE_MAX: u32 = 124;
const LABELS_MAX: u32 = 64;
/** Series whose labels are longer are not remembered. */
const KEY_SIZE_MAX: u32 = 65_536;
const HIGH_BITS: u64 = 0x8080808080808080;
/** Beside a number: it is not remembered. */
const NOT_KEPT: u32 = 0x80000000;
const SMALLEST: u32 = 1024;
const PROBES: u32 = 64;
const CHUNK: usize = 65_536;

/** Of the series that were split last. */
export let splitCount: u32 = 0;
export let positions: usize = 0;
export let ends: usize = 0;
export let names: usize = 0;
export let jobs: usize = 0;
export let instances: usize = 0;
export let numbers: usize = 0;
let splitCapacity: u32 = 0;
export let pairs: usize = 0;
let pairCount: u32 = 0;
let pairCapacity: u32 = 0;

/** Pairs known. */
let knownPairs: u32 = 0;
let slots: usize = 0;
let mask: u32 = 0;
/** Addresses of pairs, by number. */
let addresses: usize = 0;
let addressCapacity: u32 = 0;
let top: usize = 0;
let chunkEnd: usize = 0;

/** Splits the labels of all series entries that have no index and can be remembered. */
export function splitAll(textSizeMax: u32, labelsMax: u32): void {
  splitCount = 0;
  pairCount = 0;
  if (entryCount > splitCapacity || splitCapacity == 0) growSplit();
  for (let position: u32 = 0; position < entryCount; position++) {
    const entry = entryAt(position);
    if (load<u32>(entry) != SERIES || load<u32>(entry, 28) != NONE || load<u32>(entry, 60) == 0) continue;
    const size = load<u32>(entry, 20);
    if (size <= KEY_SIZE_MAX) splitEntry(position, load<u32>(entry, 16), size, textSizeMax, labelsMax);
  }
}

/**
 * Gives the rows of the series that were split to their numbers, unless these are NONE, and remembers them. Entries that
 * need no more looks are left out. Returns whether there are numbers that are not remembered, which are marked.
 */
export function rememberAll(owner: u32): bool {
  let isAllKept = true;
  for (let i: u32 = 0; i < splitCount; i++) {
    const number = load<u32>(numbers + (<usize>i << 2));
    if (number == NONE) continue;
    const entry = entryAt(load<u32>(positions + (<usize>i << 2)));
    const hash = load<u32>(entry, 24);
    const at: usize = load<u32>(entry, 16);
    const size = load<u32>(entry, 20);
    const metadata = load<u32>(entry, 52);
    let key = find(hash, owner, at, size);
    let index = number;
    if (key != 0) index = indexOf(key);
    else if (add(hash, owner, at, size, number, metadata)) key = find(hash, owner, at, size);
    if (index != number || key == 0) {
      store<u32>(numbers + (<usize>i << 2), number | NOT_KEPT);
      isAllKept = false;
    }
    assignRows(load<u32>(entry, 8), load<u32>(entry, 12), index);
    // With metadata it stays, as a known series that has news.
    if (metadata == 0) store<u32>(entry, 0);
    store<u32>(entry, index, 28);
    store<u32>(entry, <u32>key, 56);
  }
  leaveOutDone();
  return isAllKept;
}

/** Where the bytes of a pair are, behind their size. */
export function pairAt(number: u32): usize {
  return load<u32>(addresses + (<usize>number << 2));
}

function leaveOutDone(): void {
  let kept: u32 = 0;
  for (let position: u32 = 0; position < entryCount; position++) {
    const entry = entryAt(position);
    if (load<u32>(entry) == 0) continue;
    if (kept != position) memory.copy(entryAt(kept), entry, ENTRY_SIZE);
    kept++;
  }
  keepEntries(kept);
}

function splitEntry(position: u32, at: usize, size: u32, textSizeMax: u32, labelsMax: u32): void {
  if (pairCount + (size >> 3) + 1 > pairCapacity) growPairs(pairCount + (size >> 3) + 1);
  if (!isUsual(at, size, min(textSizeMax, TEXT_SIZE_MAX), min(labelsMax, LABELS_MAX))) return;
  let name: u32 = 0;
  let job: u32 = 0;
  let instance: u32 = 0;
  let count = pairCount;
  for (const end = at + size; at < end; ) {
    let labelSize: u32 = load<u8>(at, 1);
    at += 2;
    if (labelSize >= 0x80) labelSize = (labelSize & 0x7f) | (<u32>load<u8>(at++) << 7);
    const number = numberOf(at, labelSize);
    if (number == 0) return;
    store<u32>(pairs + (<usize>count << 2), number);
    count++;
    const nameSize = load<u8>(at, 1);
    // "job", "instance" and "__name__", in the order of their bytes.
    if (nameSize == 3 && (load<u32>(at, 2) & 0xffffff) == 0x626f6a) job = number;
    else if (nameSize == 8) {
      const word = load<u64>(at, 2);
      if (word == 0x65636e6174736e69) instance = number;
      else if (word == 0x5f5f656d616e5f5f) name = number;
    }
    at += labelSize;
  }
  if (name == 0) return;
  pairCount = count;
  const i = <usize>splitCount << 2;
  store<u32>(positions + i, position);
  store<u32>(ends + i, count);
  store<u32>(names + i, name);
  store<u32>(jobs + i, job);
  store<u32>(instances + i, instance);
  store<u32>(numbers + i, NONE);
  splitCount++;
}

/** Loads beyond the end are within the padding. */
function isUsual(at: usize, size: u32, most: u32, labelsMax: u32): bool {
  const end = at + size;
  let nameBefore: usize = 0;
  let nameSizeBefore: u32 = 0;
  let labels: u32 = 0;
  while (at < end) {
    // Tag, length in one byte or two, tag and length of the name.
    if (load<u8>(at) != 0x0a || labels == labelsMax) return false;
    let labelSize: u32 = load<u8>(at, 1);
    at += 2;
    if (labelSize >= 0x80) {
      const high: u32 = load<u8>(at++);
      if (high >= 0x80) return false;
      labelSize = (labelSize & 0x7f) | (high << 7);
    }
    const nameSize: u32 = load<u8>(at, 1);
    const name = at + 2;
    const valueAt = name + nameSize;
    if (load<u8>(at) != 0x0a || nameSize == 0 || nameSize > most || valueAt + 2 > end) return false;
    const valueSize: u32 = load<u8>(valueAt, 1);
    const value = valueAt + 2;
    if (load<u8>(valueAt) != 0x12 || valueSize == 0 || valueSize > most) return false;
    if (labelSize != nameSize + valueSize + 4 || value + valueSize > end) return false;
    if (nameBefore != 0 && !isBefore(nameBefore, nameSizeBefore, name, nameSize)) return false;
    if (!isAscii(name, nameSize) || !isAscii(value, valueSize)) return false;
    nameBefore = name;
    nameSizeBefore = nameSize;
    labels++;
    at = value + valueSize;
  }
  return labels > 0;
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

function isAscii(at: usize, size: u32): bool {
  const end = at + size;
  for (; at + 8 <= end; at += 8) if ((load<u64>(at) & HIGH_BITS) != 0) return false;
  for (; at < end; at++) if (load<u8>(at) >= 0x80) return false;
  return true;
}

/** The number of the pair with these bytes, a new one if there is none; 0 when there is no room for it. */
function numberOf(at: usize, size: u32): u32 {
  if (knownPairs >= (mask + 1) >> 1 || slots == 0) growTable();
  const hash = hashOf(at, size);
  for (let probe: u32 = 0; probe < PROBES; probe++) {
    const slot = slots + (<usize>((hash + probe) & mask) << 3);
    const number = load<u32>(slot, 4);
    if (number == 0) return addPair(slot, hash, at, size);
    if (load<u32>(slot) != hash) continue;
    const pair = pairAt(number);
    if (load<u32>(pair) == size && areEqual(pair + 4, at, size)) return number;
  }
  return 0;
}

function addPair(slot: usize, hash: u32, at: usize, size: u32): u32 {
  const room: usize = (<usize>size + 7) & ~3;
  if (room > chunkEnd - top) {
    top = allocate(CHUNK);
    chunkEnd = top + CHUNK;
    countTableBytes(CHUNK);
  }
  const number = ++knownPairs;
  if (number >= addressCapacity) growAddresses();
  store<u32>(addresses + (<usize>number << 2), <u32>top);
  store<u32>(top, size);
  copyPadded(top + 4, at, size);
  top += room;
  store<u32>(slot, hash);
  store<u32>(slot, number, 4);
  return number;
}

/** Doubles the table. A pair whose neighbourhood is full in the new one is known by its number only. */
function growTable(): void {
  const before = slots;
  const countBefore: u32 = slots == 0 ? 0 : mask + 1;
  const count = max(countBefore << 1, SMALLEST);
  slots = allocate(<usize>count << 3);
  memory.fill(slots, 0, <usize>count << 3);
  countTableBytes(<usize>count << 3);
  mask = count - 1;
  for (let i: u32 = 0; i < countBefore; i++) {
    const old = before + (<usize>i << 3);
    if (load<u32>(old, 4) == 0) continue;
    const hash = load<u32>(old);
    for (let probe: u32 = 0; probe < PROBES; probe++) {
      const slot = slots + (<usize>((hash + probe) & mask) << 3);
      if (load<u32>(slot, 4) != 0) continue;
      store<u64>(slot, load<u64>(old));
      break;
    }
  }
}

function growAddresses(): void {
  const before = addresses;
  const capacityBefore = addressCapacity;
  addressCapacity = max(capacityBefore << 1, SMALLEST);
  addresses = allocate(<usize>addressCapacity << 2);
  countTableBytes(<usize>addressCapacity << 2);
  memory.copy(addresses, before, <usize>capacityBefore << 2);
}

function growSplit(): void {
  splitCapacity = <u32>grownCapacity(splitCapacity, entryCount, SMALLEST);
  const size = <usize>splitCapacity << 2;
  positions = allocate(size);
  ends = allocate(size);
  names = allocate(size);
  jobs = allocate(size);
  instances = allocate(size);
  numbers = allocate(size);
}

function growPairs(needed: u32): void {
  const before = pairs;
  pairCapacity = <u32>grownCapacity(pairCapacity, needed, SMALLEST << 3);
  pairs = allocate(<usize>pairCapacity << 2);
  memory.copy(pairs, before, <usize>pairCount << 2);
}
