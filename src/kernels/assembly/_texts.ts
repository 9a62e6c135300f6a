/**
 * Texts of lines, each kept once for all tables that have it: targets of a kind have the same lines.
 *
 *   text  ┌──────────┬────────────┬──────────┬─────────┬─────────────┐
 *         │ size u32 │ owners u32 │ hash u32 │ nothing │ bytes[size] │     at a multiple of 16
 *         └──────────┴────────────┴──────────┴─────────┴─────────────┘
 *
 * An open-addressing table of addresses finds them. Hashes are keyed (SipHash-1-3), so that nobody who writes lines knows
 * which of them collide; they say where to look, and what is found has been compared byte by byte.
 */

import { give, take } from "./_arena";
import { areEqual } from "./_series-table";

export const TEXT_HEADER: usize = 16;
const SMALLEST_TABLE: u32 = 1024;

let slots: usize = 0;
let mask: u32 = 0;
let count: u32 = 0;
let key0: u64 = 0;
let key1: u64 = 0;

/** To be called once, before all else. */
export function setHashKey(a: u32, b: u32, c: u32, d: u32): void {
  key0 = ((<u64>a) << 32) | (<u64>b);
  key1 = ((<u64>c) << 32) | (<u64>d);
}

// @ts-ignore: decorator
@inline
export function sizeOfText(text: usize): usize {
  return load<u32>(text);
}

/** The text with these bytes, or 0. Reads up to 7 bytes past their end. */
export function findText(at: usize, size: usize): usize {
  return slots == 0 ? 0 : findHashed(hashOf(at, size), at, size);
}

/** The text with these bytes, made if there is none, with one owner more. */
export function holdText(at: usize, size: usize): usize {
  const hash = hashOf(at, size);
  let text: usize = slots == 0 ? 0 : findHashed(hash, at, size);
  if (text == 0) {
    if (slots == 0 || count >= (mask + 1) >> 1) growTable();
    text = take(TEXT_HEADER + size);
    store<u32>(text, <u32>size);
    store<u32>(text, 0, 4);
    store<u32>(text, hash, 8);
    memory.copy(text + TEXT_HEADER, at, size);
    insert(text, hash);
    count++;
  }
  store<u32>(text, load<u32>(text, 4) + 1, 4);
  return text;
}

/** One owner less; the last takes the text along. */
export function releaseText(text: usize): void {
  const owners = load<u32>(text, 4) - 1;
  store<u32>(text, owners, 4);
  if (owners > 0) return;
  remove(text);
  give(text, TEXT_HEADER + sizeOfText(text));
  count--;
}

function findHashed(hash: u32, at: usize, size: usize): usize {
  let i = hash & mask;
  let text: usize = load<u32>(slots + (<usize>i << 2));
  while (text != 0) {
    const isAlike = load<u32>(text, 8) == hash && load<u32>(text) == <u32>size;
    if (isAlike && areEqual(text + TEXT_HEADER, at, size)) break;
    i = (i + 1) & mask;
    text = load<u32>(slots + (<usize>i << 2));
  }
  return text;
}

function insert(text: usize, hash: u32): void {
  let i = hash & mask;
  while (load<u32>(slots + (<usize>i << 2)) != 0) i = (i + 1) & mask;
  store<u32>(slots + (<usize>i << 2), <u32>text);
}

/** What stands behind the hole moves up as far as it may, so that every look-up ends at a free slot. */
function remove(text: usize): void {
  let hole = load<u32>(text, 8) & mask;
  while (load<u32>(slots + (<usize>hole << 2)) != <u32>text) hole = (hole + 1) & mask;
  for (let i = (hole + 1) & mask; ; i = (i + 1) & mask) {
    const moved: usize = load<u32>(slots + (<usize>i << 2));
    if (moved == 0) break;
    const home = load<u32>(moved, 8) & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    store<u32>(slots + (<usize>hole << 2), <u32>moved);
    hole = i;
  }
  store<u32>(slots + (<usize>hole << 2), 0);
}

function growTable(): void {
  const before = slots;
  const countBefore: u32 = slots == 0 ? 0 : mask + 1;
  const larger = max(countBefore << 1, SMALLEST_TABLE);
  slots = take(<usize>larger << 2);
  memory.fill(slots, 0, <usize>larger << 2);
  mask = larger - 1;
  for (let i: u32 = 0; i < countBefore; i++) {
    const text: usize = load<u32>(before + (<usize>i << 2));
    if (text != 0) insert(text, load<u32>(text, 8));
  }
  if (countBefore > 0) give(before, <usize>countBefore << 2);
}

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

function round(): void {
  v0 += v1;
  v1 = rotl(v1, 13) ^ v0;
  v0 = rotl(v0, 32);
  v2 += v3;
  v3 = rotl(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl(v1, 17) ^ v2;
  v2 = rotl(v2, 32);
}

function hashOf(at: usize, size: usize): u32 {
  v0 = key0 ^ 0x736f6d6570736575;
  v1 = key1 ^ 0x646f72616e646f6d;
  v2 = key0 ^ 0x6c7967656e657261;
  v3 = key1 ^ 0x7465646279746573;
  const end = at + size;
  for (; at + 8 <= end; at += 8) {
    const word = load<u64>(at);
    v3 ^= word;
    round();
    v0 ^= word;
  }
  let last = (<u64>size) << 56;
  if (at < end) last |= load<u64>(at) & (~(<u64>0) >> (<u64>(8 - (end - at)) << 3));
  v3 ^= last;
  round();
  v0 ^= last;
  v2 ^= 0xff;
  round();
  round();
  round();
  const hash = v0 ^ v1 ^ v2 ^ v3;
  return <u32>(hash ^ (hash >> 32));
}
