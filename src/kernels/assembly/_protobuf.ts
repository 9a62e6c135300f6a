/**
 * Reading of the protobuf wire format. Positions are addresses; a function that moves on returns the new one, or 0
 * after a fault. Eight bytes are loaded at any position: 8 bytes of padding must follow a message.
 */

import { BAD_FIELD_NUMBER, BAD_WIRE_TYPE, CUT_SHORT, FIELD_TOO_LONG, fail, VARINT_TOO_LONG } from "./_fault";

/** What `readVarint` and `readTag` have read. */
export let varint: u64 = 0;
/** The end of the field that `enter` has found. */
export let fieldEnd: usize = 0;

const HIGH_BITS: u64 = 0x8080808080808080;

// @ts-ignore: decorator
@inline
export function readVarint(at: usize, end: usize): usize {
  if (at < end) {
    const first = <u64>load<u8>(at);
    if (first < 0x80) {
      varint = first;
      return at + 1;
    }
  }
  return readLongVarint(at, end);
}

/** The seven bits of each byte of a varint of at most 8 bytes, drawn together pair by pair. */
// @ts-ignore: decorator
@inline
export function varintOf(word: u64, size: usize): u64 {
  let bits = word & (~(<u64>0) >> (64 - (<u64>size << 3))) & ~HIGH_BITS;
  bits = (bits & 0x007f007f007f007f) | ((bits & 0x7f007f007f007f00) >> 1);
  bits = (bits & 0x00003fff00003fff) | ((bits & 0x3fff00003fff0000) >> 2);
  return (bits & 0x000000000fffffff) | ((bits & 0x0fffffff00000000) >> 4);
}

/** The size of the varint that a word begins with; more than 8 when it does not end in it. */
// @ts-ignore: decorator
@inline
export function varintSize(word: u64): usize {
  return <usize>(ctz(~word & HIGH_BITS) >> 3) + 1;
}

/** Up to 64 bits; what a tenth byte has beyond them is dropped. */
export function readLongVarint(start: usize, end: usize): usize {
  const word = load<u64>(start);
  const size = varintSize(word);
  if (size <= 8) {
    if (start >= end || size > end - start) return fail(CUT_SHORT, start);
    varint = varintOf(word, size);
    return start + size;
  }
  let at = start;
  let bits: u64 = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (at >= end) return fail(CUT_SHORT, start);
    const byte = <u64>load<u8>(at++);
    bits |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      varint = bits;
      return at;
    }
  }
  return fail(VARINT_TOO_LONG, start);
}

/** Field number and wire type, as `number << 3 | type`. */
// @ts-ignore: decorator
@inline
export function readTag(at: usize, end: usize): usize {
  const next = readVarint(at, end);
  // The smallest tag of a valid number is 8, the largest below 2^32.
  if (next != 0 && varint - 8 >= 0xfffffff8) return fail(BAD_FIELD_NUMBER, at);
  return next;
}

/** Past the length of a field, to its first byte. */
// @ts-ignore: decorator
@inline
export function enter(at: usize, end: usize): usize {
  const start = readVarint(at, end);
  if (start == 0) return 0;
  if (varint > <u64>(end - start)) return fail(FIELD_TOO_LONG, start);
  fieldEnd = start + <usize>varint;
  return start;
}

/** Past the value of the field with this tag. */
export function skip(at: usize, end: usize, tag: u32): usize {
  switch (tag & 7) {
    case 0:
      return readVarint(at, end);
    case 1:
      return end - at >= 8 ? at + 8 : fail(CUT_SHORT, at);
    case 2:
      return enter(at, end) == 0 ? 0 : fieldEnd;
    case 5:
      return end - at >= 4 ? at + 4 : fail(CUT_SHORT, at);
    default:
      return fail(BAD_WIRE_TYPE, at);
  }
}
