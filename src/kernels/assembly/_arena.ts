/**
 * Memory that is given back: blocks of some sizes, each with a list of those that are free. Up to 512 bytes sizes are
 * multiples of 16, beyond there are four to each power of two. A free block stays of its size: what comes and goes here
 * is alike.
 */

import { allocate } from "./_region";

const CHUNK: usize = 1 << 20;
const CLASSES: i32 = 160;

/** For each size the first free block, 0 for none; a free block begins with the address of the next one. */
const freeBlocks: usize = memory.data(CLASSES * 4);
let chunkTop: usize = 0;
let chunkEnd: usize = 0;

function classOf(sizeBytes: usize): u32 {
  if (sizeBytes <= 512) return <u32>((sizeBytes + 15) >> 4);
  const last = <u32>sizeBytes - 1;
  const highest = 31 - clz(last);
  return 33 + ((highest - 9) << 2) + ((last >> (highest - 2)) & 3);
}

function sizeOfClass(sizeClass: u32): usize {
  if (sizeClass <= 32) return <usize>sizeClass << 4;
  const step = sizeClass - 33;
  const highest = 9 + (step >> 2);
  return ((<usize>1) << highest) + ((<usize>(step & 3) + 1) << (highest - 2));
}

/** A block of at least `sizeBytes`, more than 0; its content is undefined. */
export function take(sizeBytes: usize): usize {
  const sizeClass = classOf(sizeBytes);
  const list = freeBlocks + (<usize>sizeClass << 2);
  const free: usize = load<u32>(list);
  if (free != 0) {
    store<u32>(list, load<u32>(free));
    return free;
  }
  const room = sizeOfClass(sizeClass);
  if (room >= CHUNK >> 2) return allocate(room);
  if (room > chunkEnd - chunkTop) {
    chunkTop = allocate(CHUNK);
    chunkEnd = chunkTop + CHUNK;
  }
  const block = chunkTop;
  chunkTop += room;
  return block;
}

/** Gives back what `take` gave for the same size. */
export function give(block: usize, sizeBytes: usize): void {
  const list = freeBlocks + (<usize>classOf(sizeBytes) << 2);
  store<u32>(block, load<u32>(list));
  store<u32>(list, <u32>block);
}

/** A larger block in place of one, with its first `kept` bytes. */
export function regrown(block: usize, sizeBytes: usize, larger: usize, kept: usize): usize {
  const grown = take(larger);
  if (sizeBytes == 0) return grown;
  memory.copy(grown, block, kept);
  give(block, sizeBytes);
  return grown;
}
