/**
 * XorWriter: encodes the samples of an XOR chunk one at a time. The layout stands in xor-format.ts.
 *
 * Its public fields are all that the next sample depends on, so that one writer serves many open chunks, whose
 * states rest in columns between two samples. `encode` leaves the bits of one sample in `bytes`, from bit
 * `bitLength & 7` on, behind the bits of the last byte so far; the caller puts them where they belong.
 *
 * Invariants
 *  1. `bytes[0]` holds the last byte so far, when the chunk does not end at a whole byte; else it is zero.
 *  2. The bits of its byte behind the next free bit are zero.
 */

import { bits, HIGH, LOW, readBits } from "./float-bits.js";

/** The state of a chunk in which no value has differed from the one before. */
export const NO_WINDOW = -1;
/** A partial byte, a sample of at most 19 bytes, and the four that `#write` clears behind them. */
const scratchSizeBytes = 32;
const twoTo32 = 2 ** 32;

export class XorWriter {
  /** Samples so far. */
  count = 0;
  /** Bits of the samples so far; the header is not counted. */
  bitLength = 0;
  /** Of the last sample. */
  time = 0;
  /** Between the last two times. */
  delta = 0;
  valueHigh = 0;
  valueLow = 0;
  leading = NO_WINDOW;
  trailing = 0;
  /** The bits of the sample just encoded. */
  readonly bytes = new Uint8Array(scratchSizeBytes);
  /** The next free bit of `bytes`. */
  #bit = 0;

  /** The state of a chunk without samples. */
  reset(): void {
    this.count = 0;
    this.bitLength = 0;
    this.leading = NO_WINDOW;
    this.bytes[0] = 0;
  }

  /**
   * Encodes the sample (`time`, `values[index]`), whose bits are kept. `time` is an integer within +-2^52. Returns
   * how many bytes of `bytes` have something of it; the last of them may be a partial one.
   */
  encode(time: number, values: Float64Array, index: number): number {
    const startBit = this.bitLength & 7;
    this.#bit = startBit;
    readBits(values, index);
    const high = bits[HIGH]!;
    const low = bits[LOW]!;
    if (this.count > 1) this.#encodeDod(time);
    else if (this.count === 1) this.#encodeDelta(time);
    if (this.count > 0) this.#encodeValue(high ^ this.valueHigh, low ^ this.valueLow);
    else this.#encodeFirst(time, high, low);
    this.valueHigh = high;
    this.valueLow = low;
    this.time = time;
    this.count++;
    this.bitLength += this.#bit - startBit;
    return (this.#bit + 7) >>> 3;
  }

  /** What must stand in `bytes[0]` when the next sample is encoded. */
  lastByte(): number {
    return this.bytes[this.#bit >>> 3]!;
  }

  #encodeFirst(time: number, high: number, low: number): void {
    // Zigzag: 0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4 ...; exact, as |2 * time| is at most 2^53.
    this.#writeVarint(time < 0 ? -2 * time - 1 : 2 * time);
    this.#write(high, 32);
    this.#write(low, 32);
  }

  #encodeDelta(time: number): void {
    this.delta = time - this.time;
    if (this.delta >= 0) this.#writeVarint(this.delta);
    else this.#writeNegativeVarint(this.delta);
  }

  #encodeDod(time: number): void {
    const delta = time - this.time;
    const dod = delta - this.delta;
    if (dod === 0) this.#skip();
    else if (dod >= -0x7ffff && dod <= 0x80000) this.#writeDod(dod);
    else this.#writeLongDod(delta, this.delta);
    this.delta = delta;
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

  #encodeValue(high: number, low: number): void {
    if ((high | low) === 0) {
      this.#skip();
      return;
    }
    const leading = high === 0 ? 31 : Math.clz32(high);
    const trailing = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low);
    if (this.leading !== NO_WINDOW && leading >= this.leading && trailing >= this.trailing) {
      this.#write(0b10, 2);
    } else {
      this.leading = leading;
      this.trailing = trailing;
      this.#write(0x1800 | (leading << 6) | ((64 - leading - trailing) & 0x3f), 13);
    }
    this.#writeWindow(high, low);
  }

  /** The bits of the xor between the window's leading and trailing bits. */
  #writeWindow(high: number, low: number): void {
    const trailing = this.trailing;
    let rest = 64 - this.leading - trailing;
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

  /** Writes a zero bit. */
  #skip(): void {
    this.#bit++;
    if ((this.#bit & 7) === 0) this.bytes[this.#bit >>> 3] = 0;
  }

  /** Writes the lowest `length` bits of `value`, 1 to 32, with no bits above: five bytes hold them at any bit. */
  #write(value: number, length: number): void {
    const bytes = this.bytes;
    const at = this.#bit >>> 3;
    const shift = this.#bit & 7;
    const aligned = value << (32 - length);
    const word = aligned >>> shift;
    bytes[at]! |= word >>> 24;
    bytes[at + 1] = word >>> 16;
    bytes[at + 2] = word >>> 8;
    bytes[at + 3] = word;
    bytes[at + 4] = aligned << (8 - shift);
    this.#bit += length;
  }
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
