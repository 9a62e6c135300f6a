/**
 * The label bytes that are known: an open-addressing table from an owner and label bytes to a series' index.
 *
 *   slot  ┌──────────┬───────────┬─────────┐   key  ┌──────────┬───────────┬──────────────┬──────────┬─────────────┐
 *         │ hash u32 │ owner u32 │ key u32 │        │ size u32 │ index u32 │ metadata u32 │ next u32 │ bytes[size] │
 *         └──────────┴───────────┴─────────┘        └──────────┴───────────┴──────────────┴──────────┴─────────────┘
 *
 * `key` and `next` are addresses, 0 for none: in a free slot, and when it is not known which key of the same owner came
 * next when this one was seen last. Senders repeat themselves, so that the next one is tried before the table is asked.
 * `metadata` is a hash of what was last told of the series' metric.
 *
 * Invariants
 *  1. Two keys are equal only when all their bytes are: a hash only says where to look.
 *  2. Nothing is removed but by a new instance. At most half of the slots are taken; a look-up probes 64 of them at
 *     most, so that keys that were made to collide are not found, but cost no more than that.
 */

import { allocate, copyPadded } from "./_region";

export const NONE: u32 = 0xffffffff;

const SLOT: usize = 12;
export const KEY_HEADER: usize = 16;
const PROBES: u32 = 64;
const SMALLEST_TABLE: u32 = 1024;
const KEY_CHUNK: usize = 65_536;

let slots: usize = 0;
let mask: u32 = 0;
/** Keys in the table. */
export let knownCount: u32 = 0;
/** Bytes of keys, slots and label pairs, those that were left behind included. */
export let tableBytes: usize = 0;
let keyTop: usize = 0;
let keyEnd: usize = 0;

/** Four lanes of multiply and rotate, 32 bytes a round. Reads up to 7 bytes past the end. */
export function hashOf(at: usize, size: usize): u32 {
  const end = at + size;
  let a: u64 = 0x9e3779b97f4a7c15 ^ <u64>size;
  if (size >= 32) {
    let b: u64 = 0xc2b2ae3d27d4eb4f;
    let c: u64 = 0x165667b19e3779f9;
    let d: u64 = 0x27d4eb2f165667c5;
    for (; at + 32 <= end; at += 32) {
      a = mixed(a, load<u64>(at));
      b = mixed(b, load<u64>(at, 8));
      c = mixed(c, load<u64>(at, 16));
      d = mixed(d, load<u64>(at, 24));
    }
    a = mixed(mixed(mixed(a, b), c), d);
  }
  for (; at + 8 <= end; at += 8) a = mixed(a, load<u64>(at));
  if (at < end) a = mixed(a, load<u64>(at) & (~(<u64>0) >> (<u64>(8 - (end - at)) << 3)));
  a ^= a >> 32;
  a *= 0xd6e8feb86659fd93;
  return <u32>(a ^ (a >> 32));
}

// @ts-ignore: decorator
@inline
function mixed(state: u64, word: u64): u64 {
  return rotl((state ^ word) * 0x9fb21c651e98df25, 29);
}

/** The last step overlaps the one before. Reads up to 7 bytes past the ends of less than 8. */
// @ts-ignore: decorator
@inline
export function areEqual(a: usize, b: usize, size: usize): bool {
  if (size < 8) return (load<u64>(a) ^ load<u64>(b)) << ((8 - <u64>size) << 3) == 0 || size == 0;
  if (size <= 16) {
    const last = size - 8;
    return ((load<u64>(a) ^ load<u64>(b)) | (load<u64>(a + last) ^ load<u64>(b + last))) == 0;
  }
  if (size >= 64) return areLongEqual(a, b, size);
  const last = size - 16;
  for (let i: usize = 0; i < last; i += 16) {
    if (v128.any_true(difference(a + i, b + i))) return false;
  }
  return !v128.any_true(difference(a + last, b + last));
}

/** Of 64 bytes at least. */
// @ts-ignore: decorator
@inline
function areLongEqual(a: usize, b: usize, size: usize): bool {
  const last = size - 64;
  for (let i: usize = 0; i < last; i += 64) if (differ64(a + i, b + i)) return false;
  return !differ64(a + last, b + last);
}

// @ts-ignore: decorator
@inline
function differ64(a: usize, b: usize): bool {
  const first = v128.or(difference(a, b), difference(a + 16, b + 16));
  return v128.any_true(v128.or(first, v128.or(difference(a + 32, b + 32), difference(a + 48, b + 48))));
}

// @ts-ignore: decorator
@inline
function difference(a: usize, b: usize): v128 {
  return v128.xor(v128.load(a), v128.load(b));
}

/** The key that this owner has with these label bytes, or 0. */
export function find(hash: u32, owner: u32, at: usize, size: usize): usize {
  if (slots == 0) return 0;
  for (let probe: u32 = 0; probe < PROBES; probe++) {
    const slot = slots + <usize>((hash + probe) & mask) * SLOT;
    const key: usize = load<u32>(slot, 8);
    if (key == 0) return 0;
    if (load<u32>(slot) != hash || load<u32>(slot, 4) != owner) continue;
    if (load<u32>(key) == <u32>size && areEqual(key + KEY_HEADER, at, size)) return key;
  }
  return 0;
}

/** Something else remembers, too. */
export function countTableBytes(sizeBytes: usize): void {
  tableBytes += sizeBytes;
}

// @ts-ignore: decorator
@inline
export function sizeOf(key: usize): u32 {
  return load<u32>(key);
}

// @ts-ignore: decorator
@inline
export function indexOf(key: usize): u32 {
  return load<u32>(key, 4);
}

// @ts-ignore: decorator
@inline
export function nextOf(key: usize): usize {
  return load<u32>(key, 12);
}

// @ts-ignore: decorator
@inline
export function setNext(key: usize, next: usize): void {
  store<u32>(key, <u32>next, 12);
}

/** Adds a key that `find` does not find. Returns false, without it, when its neighbourhood is full. */
export function add(hash: u32, owner: u32, at: usize, size: usize, index: u32, metadata: u32): bool {
  if (knownCount >= (mask + 1) >> 1 || slots == 0) growTable();
  const slot = freeSlot(hash);
  if (slot == 0) return false;
  const key = takeKey(size);
  store<u32>(key, <u32>size);
  store<u32>(key, index, 4);
  store<u32>(key, metadata, 8);
  store<u32>(key, 0, 12);
  copyPadded(key + KEY_HEADER, at, size);
  setSlot(slot, hash, owner, key);
  knownCount++;
  return true;
}

// @ts-ignore: decorator
@inline
export function metadataOf(key: usize): u32 {
  return load<u32>(key, 8);
}

export function setMetadata(key: usize, metadata: u32): void {
  store<u32>(key, metadata, 8);
}

// @ts-ignore: decorator
@inline
function setSlot(slot: usize, hash: u32, owner: u32, key: usize): void {
  store<u32>(slot, hash);
  store<u32>(slot, owner, 4);
  store<u32>(slot, <u32>key, 8);
}

/** The first free slot of a hash, 0 when it would not be looked at. */
function freeSlot(hash: u32): usize {
  for (let probe: u32 = 0; probe < PROBES; probe++) {
    const slot = slots + <usize>((hash + probe) & mask) * SLOT;
    if (load<u32>(slot, 8) == 0) return slot;
  }
  return 0;
}

/** Doubles the table. A key whose neighbourhood is full in the new one is forgotten. */
function growTable(): void {
  const before = slots;
  const countBefore: u32 = slots == 0 ? 0 : mask + 1;
  const count = max(countBefore << 1, SMALLEST_TABLE);
  const sizeBytes = <usize>count * SLOT;
  slots = allocate(sizeBytes);
  memory.fill(slots, 0, sizeBytes);
  tableBytes += sizeBytes;
  mask = count - 1;
  for (let i: u32 = 0; i < countBefore; i++) {
    const old = before + <usize>i * SLOT;
    const key: usize = load<u32>(old, 8);
    if (key == 0) continue;
    const hash = load<u32>(old);
    const slot = freeSlot(hash);
    if (slot == 0) knownCount--;
    else setSlot(slot, hash, load<u32>(old, 4), key);
  }
}

/** Room for a key, from chunks that many share. */
function takeKey(size: usize): usize {
  // What is copied into it, and compared, may go 15 bytes past the end: into the next key, which is not written yet.
  const room = (KEY_HEADER + size + 7) & ~7;
  if (room > keyEnd - keyTop) {
    const chunk = max(KEY_CHUNK, room);
    keyTop = allocate(chunk);
    keyEnd = keyTop + chunk;
    tableBytes += chunk;
  }
  const key = keyTop;
  keyTop += room;
  return key;
}
