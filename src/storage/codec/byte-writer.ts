/**
 * ByteWriter: appends integers, varints, floats and strings to a growing buffer that is reused by `clear`.
 *
 *   u8 u16 u32 u64   big-endian, unsigned; u64 takes safe integers (up to 2^53 - 1)
 *   uvarint          base 128, lowest group first, high bit set on all but the last byte (as Go and protobuf)
 *   varint           uvarint of the zigzag number: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...; from -2^53 to 2^53,
 *                    so that it holds the difference of any two times
 *   f64              IEEE 754, big-endian, bits kept (`f64At` takes the place, not the number: a NaN keeps its bits)
 *   string           uvarint byte length, then UTF-8
 */

import { assert } from "../../model/assert.js";

const utf8 = new TextEncoder();
/** So many equal bytes are written by one call. */
const fillMin = 16;

export class ByteWriter {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#buffer = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Bytes written since the last `clear`; also the position of the next one. */
  get length(): number {
    return this.#length;
  }

  get capacityBytes(): number {
    return this.#buffer.length;
  }

  /** What was written, in place: borrowed until the next write or `clear`. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** Forgets what was written and keeps the buffer. */
  clear(): void {
    this.#length = 0;
  }

  u8(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, "a u8 is from 0 to 255");
    const at = this.#take(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, "a u16 is from 0 to 2^16 - 1");
    const at = this.#take(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    assertU32(value);
    const at = this.#take(4);
    this.#view.setUint32(at, value);
  }

  u64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a u64 is from 0 to 2^53 - 1");
    const at = this.#take(8);
    this.#view.setUint32(at, Math.floor(value / 2 ** 32));
    this.#view.setUint32(at + 4, value % 2 ** 32);
  }

  uvarint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "an unsigned varint is from 0 to 2^53 - 1");
    this.#reserve(8);
    this.#putUvarint(value);
  }

  /** As `uvarint`, for fields that readers take as 32 bits. */
  uvarint32(value: number): void {
    assertU32(value);
    this.#reserve(5);
    this.#putUvarint(value);
  }

  varint(value: number): void {
    assert(Number.isInteger(value) && Math.abs(value) <= 2 ** 53, "a signed varint is within 2^53");
    this.#reserve(9);
    // The zigzag number itself may pass 2^53: its lowest seven bits are split off before it is formed.
    const sign = value < 0 ? 1 : 0;
    const magnitude = value < 0 ? -value - 1 : value;
    const low = (magnitude % 64) * 2 + sign;
    if (magnitude < 64) {
      this.#buffer[this.#length++] = low;
      return;
    }
    this.#buffer[this.#length++] = low | 0x80;
    this.#putUvarint(Math.floor(magnitude / 64));
  }

  /** A `varint` for each of the first `length` numbers, which are integers: its difference from the one before; the first from 0. */
  varintDeltas(numbers: Float64Array, length: number): void {
    assert(length <= numbers.length, "the column holds `length` numbers");
    this.#reserve(9 * length);
    const buffer = this.#buffer;
    let at = this.#length;
    let previous = 0;
    for (let i = 0; i < length; ) {
      const delta = numbers[i]! - previous;
      // Most differences are the one before again: of times that are the same, of refs that follow one another.
      const from = i++;
      while (i < length && numbers[i]! - numbers[i - 1]! === delta) i++;
      previous = numbers[i - 1]!;
      if (delta === (delta << 1) >> 1) {
        const zigzag = (delta << 1) ^ (delta >> 31);
        if (zigzag <= 0x7f && i - from >= fillMin) {
          buffer.fill(zigzag, at, at + i - from);
          at += i - from;
          continue;
        }
        for (let left = i - from; left > 0; left--) {
          let rest = zigzag;
          for (; rest > 0x7f; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
          buffer[at++] = rest;
        }
      } else {
        this.#length = at;
        for (let left = i - from; left > 0; left--) this.varint(delta);
        at = this.#length;
      }
    }
    this.#length = at;
  }

  /** Writes `values[index]` with its exact bits. */
  f64At(values: Float64Array, index: number): void {
    assert(index >= 0 && index < values.length, "the index is within the values");
    const words = new Uint32Array(values.buffer, values.byteOffset + index * 8, 2);
    const at = this.#take(8);
    this.#view.setUint32(at, words[isLittleEndian ? 1 : 0]!);
    this.#view.setUint32(at + 4, words[isLittleEndian ? 0 : 1]!);
  }

  string(text: string): void {
    const sizeBytes = Buffer.byteLength(text);
    this.uvarint32(sizeBytes);
    const at = this.#take(sizeBytes);
    utf8.encodeInto(text, this.#buffer.subarray(at, at + sizeBytes));
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Zero bytes, for padding or to be patched. */
  zeros(count: number): void {
    const at = this.#take(count);
    this.#buffer.fill(0, at, at + count);
  }

  /** Overwrites four bytes written earlier. */
  patchU32(position: number, value: number): void {
    assert(position >= 0 && position + 4 <= this.#length, "a patch lies within what was written");
    assertU32(value);
    this.#view.setUint32(position, value);
  }

  #putUvarint(value: number): void {
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#buffer[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  #take(count: number): number {
    this.#reserve(count);
    const at = this.#length;
    this.#length += count;
    return at;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2, 64));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function assertU32(value: number): void {
  assert(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, "a u32 is from 0 to 2^32 - 1");
}
