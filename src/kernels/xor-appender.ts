/**
 * XorAppender: writes samples, one by one, into the body of an XOR chunk. The layout stands in xor-format.ts.
 *
 * Invariants
 *  1. Bits that were written never change, so the first `count` samples of a view stay as they are; only the
 *     count header and the bits behind the last sample do.
 *  2. Bits behind the last sample are zero.
 */

import { assert } from "../model/assert.js";
import { bits, HIGH, LOW, readBits } from "./float-bits.js";
import { XOR_HEADER_SIZE_BYTES, XOR_SAMPLE_SIZE_BYTES_MAX, XOR_SAMPLES_MAX } from "./xor-format.js";

/** For one sample, and for the bytes behind it that are written as zeros. */
const roomBytes = XOR_SAMPLE_SIZE_BYTES_MAX + 4;
const noWindow = -1;
const timeMax = 2 ** 52;
const twoTo32 = 2 ** 32;

export class XorAppender {
  #bytes: Uint8Array;
  #bitLength = XOR_HEADER_SIZE_BYTES * 8;
  #count = 0;
  #minTime = Number.NaN;
  #maxTime = Number.NaN;
  #delta = 0;
  #valueHigh = 0;
  #valueLow = 0;
  #leading = noWindow;
  #trailing = 0;

  /** `capacityBytes` is a guess: the buffer doubles when it is full. */
  constructor(capacityBytes = 128) {
    this.#bytes = new Uint8Array(Math.max(capacityBytes, XOR_HEADER_SIZE_BYTES + roomBytes));
  }

  /** Samples appended. */
  get count(): number {
    return this.#count;
  }

  /** Time of the first sample; NaN when there is none. */
  get minTime(): number {
    return this.#minTime;
  }

  /** Time of the last sample; NaN when there is none. */
  get maxTime(): number {
    return this.#maxTime;
  }

  get sizeBytes(): number {
    return (this.#bitLength + 7) >>> 3;
  }

  /** The chunk's body. A view, not a copy: see the first invariant for what later appends do to it. */
  bytes(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.sizeBytes);
    bytes[0] = this.#count >>> 8;
    bytes[1] = this.#count & 0xff;
    return bytes;
  }

  /** Appends the sample (`time`, `values[index]`), whose bits are kept. `time` is an integer within +-2^52. */
  append(time: number, values: Float64Array, index: number): void {
    assert(this.#count < XOR_SAMPLES_MAX, "a chunk is cut before its count overflows");
    assert(
      Number.isInteger(time) && time >= -timeMax && time <= timeMax,
      "a time is an integer within +-2^52",
    );
    if (this.sizeBytes + roomBytes > this.#bytes.length) this.#grow();
    readBits(values, index);
    const high = bits[HIGH]!;
    const low = bits[LOW]!;
    if (this.#count > 1) {
      this.#appendDod(time);
      this.#appendValue(high ^ this.#valueHigh, low ^ this.#valueLow);
    } else this.#appendEarly(time, high, low);
    this.#valueHigh = high;
    this.#valueLow = low;
    this.#maxTime = time;
    this.#count++;
  }

  /** The first or the second sample. */
  #appendEarly(time: number, high: number, low: number): void {
    if (this.#count === 0) this.#appendFirst(time, high, low);
    else {
      this.#appendDelta(time);
      this.#appendValue(high ^ this.#valueHigh, low ^ this.#valueLow);
    }
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  #appendFirst(time: number, high: number, low: number): void {
    this.#minTime = time;
    // Zigzag: 0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4 ...; exact, as |2 * time| is at most 2^53.
    this.#writeVarint(time < 0 ? -2 * time - 1 : 2 * time);
    this.#write(high, 32);
    this.#write(low, 32);
  }

  #appendDelta(time: number): void {
    this.#delta = time - this.#maxTime;
    if (this.#delta >= 0) this.#writeVarint(this.#delta);
    else this.#writeNegativeVarint(this.#delta);
  }

  #appendDod(time: number): void {
    const delta = time - this.#maxTime;
    const dod = delta - this.#delta;
    if (dod === 0) this.#skip();
    else if (dod >= -0x7ffff && dod <= 0x80000) this.#writeDod(dod);
    else this.#writeLongDod(delta, this.#delta);
    this.#delta = delta;
  }

  #writeDod(dod: number): void {
    if (dod >= -0x1fff && dod <= 0x2000) this.#write(0x8000 | (dod & 0x3fff), 16);
    else if (dod >= -0xffff && dod <= 0x10000) this.#write(0xc0000 | (dod & 0x1ffff), 20);
    else this.#write(0xe00000 | (dod & 0xfffff), 24);
  }

  /** Both deltas have up to 54 bits, their difference 55, more than a double holds: subtracted by halves. */
  #writeLongDod(delta: number, previous: number): void {
    const low = (delta >>> 0) - (previous >>> 0);
    const high = Math.floor(delta / twoTo32) - Math.floor(previous / twoTo32) - (low < 0 ? 1 : 0);
    this.#write(0b1111, 4);
    this.#write(high, 32);
    this.#write(low, 32);
  }

  #appendValue(high: number, low: number): void {
    if ((high | low) === 0) {
      this.#skip();
      return;
    }
    const leading = high === 0 ? 31 : Math.clz32(high);
    const trailing = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low);
    if (this.#leading !== noWindow && leading >= this.#leading && trailing >= this.#trailing) {
      this.#write(0b10, 2);
    } else {
      this.#leading = leading;
      this.#trailing = trailing;
      this.#write(0x1800 | (leading << 6) | ((64 - leading - trailing) & 0x3f), 13);
    }
    this.#writeWindow(high, low);
  }

  /** The bits of the xor between the window's leading and trailing bits. */
  #writeWindow(high: number, low: number): void {
    const trailing = this.#trailing;
    let rest = 64 - this.#leading - trailing;
    let word = low;
    if (trailing >= 32) word = high >>> (trailing - 32);
    else if (trailing > 0) word = (low >>> trailing) | (high << (32 - trailing));
    if (rest > 32) {
      this.#write(high >>> trailing, rest - 32);
      rest = 32;
    }
    this.#write(word, rest);
  }

  /** LEB128 of a number up to 2^53. */
  #writeVarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#write((rest % 0x80) | 0x80, 8);
      rest = Math.floor(rest / 0x80);
    }
    this.#write(rest, 8);
  }

  /** LEB128 of the two's complement, which always has ten bytes: nine times seven bits, and the sign. */
  #writeNegativeVarint(value: number): void {
    let rest = value;
    for (let i = 0; i < 9; i++) {
      this.#write((rest & 0x7f) | 0x80, 8);
      rest = Math.floor(rest / 0x80);
    }
    this.#write(1, 8);
  }

  /** A zero bit is there already. */
  #skip(): void {
    this.#bitLength++;
  }

  /** Writes the lowest `length` bits of `value`, 1 to 32, with no bits above: five bytes hold them at any bit. */
  #write(value: number, length: number): void {
    const bytes = this.#bytes;
    const at = this.#bitLength >>> 3;
    const shift = this.#bitLength & 7;
    const aligned = value << (32 - length);
    const word = aligned >>> shift;
    bytes[at]! |= word >>> 24;
    bytes[at + 1] = word >>> 16;
    bytes[at + 2] = word >>> 8;
    bytes[at + 3] = word;
    bytes[at + 4] = aligned << (8 - shift);
    this.#bitLength += length;
  }
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
