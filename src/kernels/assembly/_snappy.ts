/**
 * Decodes the elements of a Snappy block. The format stands in ../snappy.ts, which is the oracle.
 *
 * Both regions are padded: short literals and copies move in steps of 16 bytes and write past their end, where the
 * next element, or nothing that counts, comes to stand.
 *
 * Elements that lie well before both ends, and are of the usual forms, need few checks; the others, and all faults, are
 * for the careful loop.
 */

import {
  fail,
  SNAPPY_COPY_BEFORE_START,
  SNAPPY_ELEMENT_INCOMPLETE,
  SNAPPY_LITERAL_INCOMPLETE,
  SNAPPY_TOO_LITTLE,
  SNAPPY_TOO_MUCH,
} from "./_fault";
import { copyPadded } from "./_region";

/** A tag and what follows it, with the longest literal whose length stands in the tag. */
const USUAL_INPUT: usize = 64;
/** The longest copy. */
const USUAL_OUTPUT: usize = 64;

/** Decodes the elements from `at` to `end` into exactly `sizeBytes` bytes; returns false after a fault. */
export function decodeElements(at: usize, end: usize, to: usize, sizeBytes: usize): bool {
  const toEnd = to + sizeBytes;
  let out = to;
  while (at < end) {
    while (end - at >= USUAL_INPUT && toEnd - out >= USUAL_OUTPUT) {
      const tag = <u32>load<u8>(at);
      const kind = tag & 3;
      if (kind == 0) {
        if (tag >= 240) break;
        const length: usize = (tag >> 2) + 1;
        v128.store(out, v128.load(at, 1));
        if (length > 16) {
          v128.store(out, v128.load(at, 17), 16);
          v128.store(out, v128.load(at, 33), 32);
          v128.store(out, v128.load(at, 49), 48);
        }
        at += length + 1;
        out += length;
      } else {
        if (kind == 3) break;
        // Where the next element begins is better guessed than computed: everything behind it waits for that.
        let length: usize = (tag >> 2) + 1;
        let offset: usize = load<u16>(at, 1);
        let next = at + 3;
        if (kind == 1) {
          length = ((tag >> 2) & 7) + 4;
          offset = (<usize>(tag >> 5) << 8) | (offset & 0xff);
          next = at + 2;
        }
        if (offset < 16 || offset > out - to) break;
        const from = out - offset;
        v128.store(out, v128.load(from));
        if (length > 16) {
          v128.store(out, v128.load(from, 16), 16);
          if (length > 32) {
            v128.store(out, v128.load(from, 32), 32);
            v128.store(out, v128.load(from, 48), 48);
          }
        }
        at = next;
        out += length;
      }
    }
    if (at >= end) break;
    const tagAt = at;
    const tag = <u32>load<u8>(at++);
    const kind = tag & 3;
    let length: usize;
    if (kind == 0) {
      length = (tag >> 2) + 1;
      if (length > 60) {
        const extra = <u32>length - 60;
        if (extra > <u32>(end - at)) return fail(SNAPPY_ELEMENT_INCOMPLETE, tagAt) != 0;
        // Reads into the padding where the element is the last one.
        const number = load<u32>(at) & (0xffffffff >> (32 - 8 * extra));
        at += extra;
        // Compared before 1 is added, which may overflow.
        if (number >= <u32>(toEnd - out)) return fail(SNAPPY_TOO_MUCH, tagAt) != 0;
        length = number + 1;
      }
      if (length > toEnd - out) return fail(SNAPPY_TOO_MUCH, tagAt) != 0;
      if (length > end - at) return fail(SNAPPY_LITERAL_INCOMPLETE, tagAt) != 0;
      if (length <= 64) copyPadded(out, at, length);
      else memory.copy(out, at, length);
      at += length;
    } else {
      const extra: usize = kind == 3 ? 4 : kind;
      if (extra > end - at) return fail(SNAPPY_ELEMENT_INCOMPLETE, tagAt) != 0;
      let offset: usize;
      if (kind == 1) {
        length = ((tag >> 2) & 7) + 4;
        offset = ((tag >> 5) << 8) | load<u8>(at);
      } else {
        length = (tag >> 2) + 1;
        offset = kind == 2 ? load<u16>(at) : load<u32>(at);
      }
      at += extra;
      if (length > toEnd - out) return fail(SNAPPY_TOO_MUCH, tagAt) != 0;
      if (offset == 0 || offset > out - to) return fail(SNAPPY_COPY_BEFORE_START, tagAt) != 0;
      repeat(out, offset, length);
    }
    out += length;
  }
  return out == toEnd || fail(SNAPPY_TOO_LITTLE, at) != 0;
}

/** Copies up to 64 bytes from `offset` before `out`; the two may overlap. Writes up to 15 bytes past the end. */
// @ts-ignore: decorator
@inline
function repeat(out: usize, offset: usize, length: usize): void {
  if (offset >= 16) {
    copyPadded(out, out - offset, length);
    return;
  }
  const end = out + length;
  const from = out - offset;
  // A pattern shorter than a word is doubled until it is one: what is copied repeats with every multiple of it.
  while (out < end && out - from < 8) {
    store<u64>(out, load<u64>(from));
    out += out - from;
  }
  for (let distance = out - from; out < end; out += 8) store<u64>(out, load<u64>(out - distance));
}
