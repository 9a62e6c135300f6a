/**
 * The body of a Prometheus XOR (Gorilla) chunk: its layout, its limits, and what can be wrong with it.
 *
 * Layout of the body, bits from the highest to the lowest, nothing aligned after the second time
 *
 *   ┌─────────────┬─────────────────────────────────────┬──────────────────────────────────┬─────┐
 *   │ count u16   │ first: time varint, value 64 bits   │ second: delta uvarint, value xor │ ... │
 *   └─────────────┴─────────────────────────────────────┴──────────────────────────────────┴─────┘
 *
 *   each further sample: delta-of-delta (dod) of the time, then the value xor
 *
 *   dod    0 ................................. 0                      value xor   equal to the one before . 0
 *          -8191 .. 8192 ..................... 10   + 14 bits         fits the window in use .... 10 + window
 *          -65535 .. 65536 ................... 110  + 17 bits         new window: 11 + 5 bits leading zeros
 *          -524287 .. 524288 ................. 1110 + 20 bits             (at most 31) + 6 bits length
 *          any other ......................... 1111 + 64 bits             (64 is written as 0) + window
 *
 * Source: Prometheus `tsdb/docs/format/chunks.md`; Pelkonen and others, "Gorilla", VLDB 2015, section 4.1.
 */

import { assert } from "../model/assert.js";
import { CorruptionError } from "../model/errors.js";

export const XOR_HEADER_SIZE_BYTES = 2;
/** The sample count of the header has 16 bits. */
export const XOR_SAMPLES_MAX = 0xffff;
/** A second sample: 10 bytes of time, 13 + 64 bits of value. (A later one: 68 + 77 bits.) */
export const XOR_SAMPLE_SIZE_BYTES_MAX = 20;

/** What is wrong with a chunk; the WebAssembly decoder returns them negated. */
export const XOR_CUT_SHORT = 1;
export const XOR_BAD_VARINT = 2;
export const XOR_BAD_WINDOW = 3;
export const XOR_BAD_TIME = 4;

/** Throws CorruptionError when so few bytes cannot hold `count` samples: to be called before making room for them. */
export function checkXorSize(bytes: Uint8Array, count: number): void {
  assert(Number.isInteger(count) && count >= 0, "a count is a natural number");
  if (count > XOR_SAMPLES_MAX) throw new CorruptionError(`an XOR chunk cannot have ${count} samples`);
  // A byte of time and 8 of value, then a byte and a bit, then two bits each.
  const sizeBitsMin = count > 1 ? 81 + 2 * (count - 2) : 72 * count;
  if (XOR_HEADER_SIZE_BYTES * 8 + sizeBitsMin > bytes.length * 8) throwXorFault(XOR_CUT_SHORT);
}

/** Throws what a decoder found. */
export function throwXorFault(fault: number): never {
  if (fault === XOR_CUT_SHORT) throw new CorruptionError("an XOR chunk ends before its last sample");
  if (fault === XOR_BAD_VARINT) throw new CorruptionError("an XOR chunk has a varint of more than 64 bits");
  if (fault === XOR_BAD_WINDOW) throw new CorruptionError("an XOR chunk has a value of more than 64 bits");
  assert(fault === XOR_BAD_TIME, "the decoders have four faults");
  throw new CorruptionError("an XOR chunk has a time out of range");
}
