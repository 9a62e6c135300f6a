/**
 * Regions of memory that grow: a bump allocator that never frees. A region that has become too small is left behind
 * for one of at least twice its size, so that what is left behind never exceeds what is in use.
 */

/** Vectors are read and written past the end of what counts. */
export const PADDING: usize = 64;

/** Of all regions given out so far. */
export let allocatedBytes: usize = 0;

let top: usize = (__heap_base + 15) & ~15;

/** A region of `sizeBytes` and padding, its content undefined. Traps when memory cannot grow: callers are bounded. */
export function allocate(sizeBytes: usize): usize {
  const at = top;
  const room = (sizeBytes + PADDING + 15) & ~15;
  const missing = <isize>(at + room) - (<isize>memory.size() << 16);
  if (missing > 0) growMemory(<i32>((missing + 0xffff) >> 16));
  top = at + room;
  allocatedBytes += room;
  return at;
}

/**
 * By a quarter, where that is more: with every growth the host makes a new buffer of all of the memory, which its garbage
 * collector counts as so many bytes of garbage. Pages that are not written take no room.
 */
function growMemory(pages: i32): void {
  const more = max(pages, memory.size() >> 2);
  if (memory.grow(more) < 0 && memory.grow(pages) < 0) unreachable();
}

/** The capacity to allocate when `needed` bytes do not fit in `capacity`: a power of two, at least `smallest`. */
export function grownCapacity(capacity: usize, needed: usize, smallest: usize): usize {
  let grown = max(capacity, smallest);
  while (grown < needed) grown <<= 1;
  return grown;
}

/** Copies `sizeBytes` in steps of 16: reads and writes up to 15 bytes past the end. The two must not overlap. */
// @ts-ignore: decorator
@inline
export function copyPadded(to: usize, from: usize, sizeBytes: usize): void {
  for (let i: usize = 0; i < sizeBytes; i += 16) v128.store(to + i, v128.load(from + i));
}
