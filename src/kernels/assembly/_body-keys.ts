/**
 * The bytes that stand for something in bodies, by owner: see _series-table.ts. A key keeps its owner where remote write
 * keeps a hash of metadata, so that the key that is expected next can be of another owner than the one before it.
 */

import {
  add,
  areEqual,
  find,
  hashOf,
  indexOf,
  KEY_HEADER,
  metadataOf,
  nextOf,
  setNext,
  sizeOf,
} from "./_series-table";

/** Longer ones are read by others each time. */
const KEY_SIZE_MAX: usize = 65_536;

/** Where the input ends. */
export let inputEnd: usize = 0;
let last: usize = 0;
let expected: usize = 0;

/** The key that was not known: 0 or its owner, and where it stands. */
export let missedOwner: u32 = 0;
export let missedAt: usize = 0;
export let missedEnd: usize = 0;

/** Many owners have the same few names. */
// @ts-ignore: decorator
@inline
function hashFor(owner: u32, at: usize, size: usize): u32 {
  return hashOf(at, size) ^ (owner * 0x9e3779b1);
}

export function beginKeys(endOfInput: usize): void {
  inputEnd = endOfInput;
  last = 0;
  expected = 0;
}

// @ts-ignore: decorator
@inline
export function forgetMissed(): void {
  missedOwner = 0;
}

/** The key that came next the last time, if it is the owner's and stands here; else 0. */
// @ts-ignore: decorator
@inline
export function expectedAt(owner: u32, at: usize): usize {
  const key = expected;
  if (key == 0 || metadataOf(key) != owner) return 0;
  const size = <usize>sizeOf(key);
  return size <= inputEnd - at && areEqual(key + KEY_HEADER, at, size) ? key : 0;
}

/** The owner's key with these bytes, 0 when it is not known. */
export function keyAt(owner: u32, at: usize, keyEnd: usize): usize {
  const size = keyEnd - at;
  const key: usize = size > KEY_SIZE_MAX ? 0 : find(hashFor(owner, at, size), owner, at, size);
  if (key == 0) {
    missedOwner = owner;
    missedAt = at;
    missedEnd = keyEnd;
  }
  return key;
}

/** Keeps which key comes behind which; returns what the key stands for. */
// @ts-ignore: decorator
@inline
export function follow(key: usize): u32 {
  if (last != 0 && expected != key) setNext(last, key);
  last = key;
  expected = nextOf(key);
  return indexOf(key);
}

/** What the owner's key with these bytes stands for, or `none`. */
export function findNumber(owner: u32, at: usize, size: usize, none: u32): u32 {
  const key: usize = size > KEY_SIZE_MAX ? 0 : find(hashFor(owner, at, size), owner, at, size);
  return key == 0 ? none : indexOf(key);
}

/** A key that is not known; false when it is too long, or too many others have the same hash. */
export function addKey(owner: u32, at: usize, size: usize, number: u32): bool {
  return size <= KEY_SIZE_MAX && add(hashFor(owner, at, size), owner, at, size, number, owner);
}
