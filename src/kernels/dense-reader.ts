/**
 * DenseReader: walks the fields of a dense chunk. The layout stands in dense-format.ts.
 *
 * Every read first checks that its bytes are there, and throws CorruptionError when they are not.
 */

import {
  DENSE_BAD_FIELD,
  DENSE_CUT_SHORT,
  DENSE_HEADER_SIZE_BYTES,
  DENSE_MINIBLOCK,
  DENSE_VARIED,
  throwDenseFault,
} from "./dense-format.js";

export const twoTo32 = 2 ** 32;

/** Integers of 64 bits. */
export interface WordColumn {
  readonly low: Int32Array;
  readonly high: Int32Array;
}

export function wordColumn(length: number): WordColumn {
  return { low: new Int32Array(length), high: new Int32Array(length) };
}

/** Bits are peeked at in whole words. */
const paddingBytes = 16;

export class DenseReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = DENSE_HEADER_SIZE_BYTES;

  constructor(bytes: Uint8Array) {
    this.#end = bytes.length;
    this.#bytes = new Uint8Array(bytes.length + paddingBytes);
    this.#bytes.set(bytes);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  readByte(): number {
    this.#need(1);
    return this.#bytes[this.#at++]!;
  }

  /** Eight bytes. */
  readWords(): readonly [low: number, high: number] {
    this.#need(8);
    const bit = this.#at * 8;
    this.#at += 8;
    return [this.#peek(bit), this.#peek(bit + 32)];
  }

  readZigzag(): readonly [low: number, high: number] {
    const [low, high] = this.#readVarint();
    const sign = -(low & 1);
    return [((low >>> 1) | (high << 31)) ^ sign, (high >>> 1) ^ sign];
  }

  /** A varint from 1 to `most`. */
  readBounded(most: number): number {
    const [low, high] = this.#readVarint();
    const value = low >>> 0;
    if (high !== 0 || value === 0 || value > most) throwDenseFault(DENSE_BAD_FIELD);
    return value;
  }

  /** Reads `count` integers, and returns the width of each miniblock. */
  readMiniblocks(into: WordColumn, count: number): Uint8Array {
    const head = this.readByte();
    const isVaried = (head & DENSE_VARIED) !== 0;
    const least = head & ~DENSE_VARIED;
    const entryBits = isVaried ? this.readByte() : 0;
    const offsetBits = isVaried ? this.readByte() : 0;
    if (least > 64 || entryBits > 7 || offsetBits > 64) throwDenseFault(DENSE_BAD_FIELD);
    const widths = new Uint8Array(Math.ceil(count / DENSE_MINIBLOCK));
    const entriesSize = (widths.length * entryBits + 7) >>> 3;
    const offsetsSize = (widths.length * offsetBits + 7) >>> 3;
    this.#need(entriesSize + offsetsSize);
    const entries = this.#at * 8;
    const offsets = (this.#at + entriesSize) * 8;
    this.#at += entriesSize + offsetsSize;
    const offset = wordColumn(1);
    for (let i = 0; i < widths.length; i++) {
      const from = i * DENSE_MINIBLOCK;
      const to = Math.min(count, from + DENSE_MINIBLOCK);
      widths[i] =
        least + (entryBits === 0 ? 0 : this.#peek(entries + i * entryBits) & ((1 << entryBits) - 1));
      if (widths[i]! > 64) throwDenseFault(DENSE_BAD_FIELD);
      const sizeBytes = ((to - from) * widths[i]! + 7) >>> 3;
      this.#need(sizeBytes);
      this.#unpack(into, from, to, this.#at * 8, widths[i]!);
      this.#at += sizeBytes;
      if (offsetBits === 0) continue;
      this.#unpack(offset, 0, 1, offsets + i * offsetBits, offsetBits);
      addToAll(into, from, to, offset);
    }
    return widths;
  }

  /** `count` positions below `bound`, in increasing order. */
  readPositions(count: number, bound: number): Float64Array {
    const gaps = wordColumn(count);
    this.readMiniblocks(gaps, count);
    const positions = new Float64Array(count);
    let position = 0;
    for (let i = 0; i < count; i++) {
      position += gaps.low[i]! >>> 0;
      if (gaps.high[i] !== 0 || position >= bound) throwDenseFault(DENSE_BAD_FIELD);
      positions[i] = position++;
    }
    return positions;
  }

  /** The positions of those of `count` bits that are set, at least one. */
  readBitmap(count: number): Float64Array {
    const from = this.#at;
    this.#need((count + 7) >>> 3);
    this.#at += (count + 7) >>> 3;
    const positions = new Float64Array(count);
    let found = 0;
    for (let i = 0; i < count; i++) {
      if ((this.#bytes[from + (i >>> 3)]! & (1 << (i & 7))) !== 0) positions[found++] = i;
    }
    if (found === 0) throwDenseFault(DENSE_BAD_FIELD);
    return positions.subarray(0, found);
  }

  #need(sizeBytes: number): void {
    if (sizeBytes > this.#end - this.#at) throwDenseFault(DENSE_CUT_SHORT);
  }

  #readVarint(): readonly [low: number, high: number] {
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.readByte();
      if (i === 9 && byte > 1) break;
      if (i < 5) low |= (byte & 0x7f) << (7 * i);
      if (i === 4) high = (byte & 0x7f) >>> 4;
      else if (i > 4) high |= (byte & 0x7f) << (7 * i - 32);
      if (byte < 0x80) return [low, high];
    }
    throwDenseFault(DENSE_BAD_FIELD);
  }

  /** Integers of `width` bits each, from `bit` on, to into[from] and up. */
  #unpack({ low, high }: WordColumn, from: number, to: number, bit: number, width: number): void {
    if (width <= 32) high.fill(0, from, to);
    if (width === 0) low.fill(0, from, to);
    else if (width <= 32) {
      const mask = -1 >>> (32 - width);
      for (let i = from; i < to; i++, bit += width) low[i] = this.#peek(bit) & mask;
    } else {
      const mask = -1 >>> (64 - width);
      for (let i = from; i < to; i++, bit += width) {
        low[i] = this.#peek(bit);
        high[i] = this.#peek(bit + 32) & mask;
      }
    }
  }

  /** 32 bits, the first as the lowest. */
  #peek(bit: number): number {
    const bytes = this.#bytes;
    const at = bit >>> 3;
    const shift = bit & 7;
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    return shift === 0 ? word : (word >>> shift) | (bytes[at + 4]! << (32 - shift));
  }
}

function addToAll({ low, high }: WordColumn, from: number, to: number, offset: WordColumn): void {
  const offsetLow = offset.low[0]! >>> 0;
  const offsetHigh = offset.high[0]!;
  for (let i = from; i < to; i++) {
    const sum = (low[i]! >>> 0) + offsetLow;
    low[i] = sum;
    high[i] = high[i]! + offsetHigh + (sum >= twoTo32 ? 1 : 0);
  }
}
