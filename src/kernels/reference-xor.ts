/**
 * referenceEncodeXor and referenceDecodeXor: the XOR chunk codec in TypeScript.
 *
 * The oracle of assembly/xor.ts and assembly/column.ts, which must refuse the same bytes, and their stand-in
 * where WebAssembly is missing. Times are added modulo 2^64 in two words, as Prometheus does in an int64; a
 * time beyond +-2^52 is refused, as it is none. Bits behind the end read as zero and are noticed after the
 * sample.
 */

import { assert } from "../model/assert.js";
import type { SampleColumns } from "../model/sample.js";
import type { Column } from "./column.js";
import { bits, HIGH, LOW, writeBits } from "./float-bits.js";
import { XorAppender } from "./xor-appender.js";
import {
  checkXorSize,
  throwXorFault,
  XOR_BAD_TIME,
  XOR_BAD_VARINT,
  XOR_BAD_WINDOW,
  XOR_CUT_SHORT,
  XOR_HEADER_SIZE_BYTES,
  XOR_SAMPLES_MAX,
} from "./xor-format.js";

const twoTo32 = 2 ** 32;
const timeMax = 2 ** 52;
/** Zeros that a sample may read before it is found to run past the end. */
const paddingBytes = 32;

/** See encodeXor. */
export function referenceEncodeXor(columns: SampleColumns): Uint8Array {
  assert(columns.length <= XOR_SAMPLES_MAX, "a chunk is cut before its count overflows");
  const appender = new XorAppender(columns.length * 4);
  for (let i = 0; i < columns.length; i++) appender.append(columns.times[i]!, columns.values, i);
  return appender.bytes();
}

/** See decodeXor. */
export function referenceDecodeXor(bytes: Uint8Array, count: number, into: Column, at = 0): number {
  assert(at + count <= into.times.length && at + count <= into.values.length, "the columns have room");
  const cursor = new XorCursor(bytes, count);
  for (let i = at; i < at + count; i++) {
    into.times[i] = cursor.next();
    writeBits(into.values, i);
  }
  return count;
}

/** The value at `time`, left in the register of float-bits.ts; false when there is none. The samples are in time order. */
export function referenceFindXor(bytes: Uint8Array, count: number, time: number): boolean {
  const cursor = new XorCursor(bytes, count);
  for (let i = 0; i < count; i++) {
    const found = cursor.next();
    if (found >= time) return found === time;
  }
  return false;
}

/** Reads a chunk sample by sample. */
class XorCursor {
  readonly #bytes: Uint8Array;
  readonly #endBit: number;
  #bit = XOR_HEADER_SIZE_BYTES * 8;
  #index = 0;
  #timeHigh = 0;
  #timeLow = 0;
  #deltaHigh = 0;
  #deltaLow = 0;
  #valueHigh = 0;
  #valueLow = 0;
  #trailing = 0;
  #length = 64;

  /** Throws CorruptionError when `count` samples cannot be in so few bytes. */
  constructor(bytes: Uint8Array, count: number) {
    checkXorSize(bytes, count);
    this.#bytes = new Uint8Array(bytes.length + paddingBytes);
    this.#bytes.set(bytes);
    this.#endBit = bytes.length * 8;
  }

  /** Returns the time of the next sample and leaves its value in the register of float-bits.ts. */
  next(): number {
    const index = this.#index++;
    if (index === 0) this.#readFirst();
    else {
      if (index === 1) this.#readVarint();
      else this.#readDod();
      this.#addDelta();
      this.#readValue();
    }
    if (this.#bit > this.#endBit) throwXorFault(XOR_CUT_SHORT);
    const time = this.#timeHigh * twoTo32 + this.#timeLow;
    if (time < -timeMax || time > timeMax) throwXorFault(XOR_BAD_TIME);
    bits[HIGH] = this.#valueHigh;
    bits[LOW] = this.#valueLow;
    return time;
  }

  #readFirst(): void {
    this.#readVarint();
    const sign = -(this.#deltaLow & 1);
    this.#timeHigh = (this.#deltaHigh >>> 1) ^ sign;
    this.#timeLow = (((this.#deltaLow >>> 1) | (this.#deltaHigh << 31)) ^ sign) >>> 0;
    this.#valueHigh = this.#peek32();
    this.#bit += 32;
    this.#valueLow = this.#peek32();
    this.#bit += 32;
  }

  #readDod(): void {
    const word = this.#peek32();
    if (word >= 0) this.#bit += 1;
    else if (word >>> 30 === 0b10) this.#addDod(word << 2, 14, 16);
    else if (word >>> 29 === 0b110) this.#addDod(word << 3, 17, 20);
    else if (word >>> 28 === 0b1110) this.#addDod(word << 4, 20, 24);
    else this.#addLongDod();
  }

  /** Adds the dod in the highest `length` bits of `word`. The buckets end at +2^(length-1), not below it. */
  #addDod(word: number, length: number, consumed: number): void {
    const unsigned = word >>> (32 - length);
    const dod = unsigned > 1 << (length - 1) ? unsigned - (1 << length) : unsigned;
    this.#bit += consumed;
    this.#growDelta(dod < 0 ? -1 : 0, dod >>> 0);
  }

  #addLongDod(): void {
    this.#bit += 4;
    const high = this.#peek32();
    this.#bit += 32;
    const low = this.#peek32();
    this.#bit += 32;
    this.#growDelta(high, low >>> 0);
  }

  #growDelta(high: number, low: number): void {
    const sum = this.#deltaLow + low;
    this.#deltaHigh = (this.#deltaHigh + high + (sum >= twoTo32 ? 1 : 0)) | 0;
    this.#deltaLow = sum >>> 0;
  }

  #addDelta(): void {
    const sum = this.#timeLow + this.#deltaLow;
    this.#timeHigh = (this.#timeHigh + this.#deltaHigh + (sum >= twoTo32 ? 1 : 0)) | 0;
    this.#timeLow = sum >>> 0;
  }

  #readValue(): void {
    const word = this.#peek32();
    if (word >= 0) {
      this.#bit += 1;
      return;
    }
    if (word >>> 30 === 0b10) this.#bit += 2;
    else {
      this.#bit += 13;
      const leading = (word >>> 25) & 0x1f;
      this.#length = (word >>> 19) & 0x3f || 64;
      this.#trailing = 64 - leading - this.#length;
      if (this.#trailing < 0) throwXorFault(this.#bit > this.#endBit ? XOR_CUT_SHORT : XOR_BAD_WINDOW);
    }
    this.#readWindow();
  }

  /** Xors the window into the value. */
  #readWindow(): void {
    const length = this.#length;
    const trailing = this.#trailing;
    let high = 0;
    if (length > 32) {
      high = this.#peek32() >>> (64 - length);
      this.#bit += length - 32;
    }
    const low = length > 32 ? this.#peek32() : this.#peek32() >>> (32 - length);
    this.#bit += Math.min(length, 32);
    if (trailing >= 32) this.#valueHigh ^= low << (trailing - 32);
    else if (trailing === 0) {
      this.#valueHigh ^= high;
      this.#valueLow ^= low;
    } else {
      this.#valueHigh ^= (high << trailing) | (low >>> (32 - trailing));
      this.#valueLow ^= low << trailing;
    }
  }

  /** LEB128 into the delta. Varints stand only where the bits are still aligned to bytes. */
  #readVarint(): void {
    let high = 0;
    let low = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.#bytes[this.#bit >>> 3]!;
      this.#bit += 8;
      if (i < 5) low |= (byte & 0x7f) << (7 * i);
      if (i === 4) high = (byte & 0x7f) >>> 4;
      else if (i > 4) high |= (byte & 0x7f) << (7 * i - 32);
      if (byte < 0x80 && (i < 9 || byte <= 1)) {
        this.#deltaHigh = high;
        this.#deltaLow = low >>> 0;
        return;
      }
    }
    throwXorFault(this.#bit > this.#endBit ? XOR_CUT_SHORT : XOR_BAD_VARINT);
  }

  /** The next 32 bits, as a signed word. */
  #peek32(): number {
    const bytes = this.#bytes;
    const at = this.#bit >>> 3;
    const shift = this.#bit & 7;
    const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return shift === 0 ? word : (word << shift) | (bytes[at + 4]! >>> (8 - shift));
  }
}
