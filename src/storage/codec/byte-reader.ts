/**
 * ByteReader: reads what ByteWriter writes, from bytes that nobody vouches for.
 *
 * Invariants
 *  1. Every read is checked against the end; a read past it, or a value that cannot be, is a CorruptionError
 *     with file and offset. Nothing is allocated by a length that was not checked against the bytes left.
 *  2. `subarray` borrows from the source; `string` copies.
 */

import { assert } from "../../model/assert.js";
import { CorruptionError } from "../../model/errors.js";

/** Where the bytes come from, for errors. */
export interface ByteSource {
  readonly file?: string;
  /** Position of the first byte in the file. Default 0. */
  readonly offset?: number;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #source: ByteSource;
  #position = 0;

  constructor(bytes: Uint8Array, source: ByteSource = {}) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#source = source;
  }

  /** Index of the next byte. */
  get position(): number {
    return this.#position;
  }

  get length(): number {
    return this.#bytes.length;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  /** Goes to an index, at most the end. */
  seek(position: number): void {
    if (!Number.isInteger(position) || position < 0 || position > this.#bytes.length)
      throw this.corruption(`position ${position} is outside of ${this.#bytes.length} bytes`);
    this.#position = position;
  }

  skip(count: number): void {
    this.#take(count);
  }

  u8(): number {
    if (this.#position === this.#bytes.length) throw this.corruption("1 byte is needed, 0 are left");
    return this.#bytes[this.#position++]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u32s(count: number): Uint32Array {
    const at = this.#take(count * 4);
    const numbers = new Uint32Array(count);
    for (let i = 0; i < count; i++) numbers[i] = this.#view.getUint32(at + i * 4);
    return numbers;
  }

  /** Numbers over 2^53 - 1 are taken as corruption: nothing that we count gets there. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (!Number.isSafeInteger(value)) throw this.#corruptionAt(at, "a 64-bit number exceeds 2^53 - 1");
    return value;
  }

  uvarint(): number {
    const start = this.#position;
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let scale = 128; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw this.#corruptionAt(start, "a varint exceeds 2^53 - 1");
      if (byte < 0x80) return value;
      if (scale >= 2 ** 63) throw this.#corruptionAt(start, "a varint is longer than ten bytes");
    }
  }

  uvarint32(): number {
    const start = this.#position;
    const value = this.uvarint();
    if (value > 0xffffffff) throw this.#corruptionAt(start, "a varint exceeds 32 bits");
    return value;
  }

  varint(): number {
    const start = this.#position;
    const first = this.u8();
    const low = (first & 0x7f) >>> 1;
    const isNegative = (first & 1) === 1;
    const high = first < 0x80 ? 0 : this.uvarint();
    if (high >= 2 ** 47 && (high > 2 ** 47 || low > 0 || isNegative))
      throw this.#corruptionAt(start, "a varint exceeds 2^53");
    const magnitude = high * 64 + low;
    return isNegative ? -magnitude - 1 : magnitude;
  }

  /** What ByteWriter.varintDeltas wrote of `length` numbers, at least a byte for each. */
  varintDeltas(length: number): Float64Array {
    if (length > this.remaining)
      throw this.corruption(`${length} numbers do not fit into ${this.remaining} bytes`);
    const numbers = new Float64Array(length);
    const bytes = this.#bytes;
    let at = this.#position;
    let number = 0;
    for (let i = 0; i < length; i++) {
      const byte = at < bytes.length ? bytes[at]! : 0x80;
      if (byte < 0x80) {
        at++;
        number += (byte >>> 1) ^ -(byte & 1);
      } else {
        this.#position = at;
        number += this.varint();
        at = this.#position;
      }
      if (!Number.isSafeInteger(number)) throw this.#corruptionAt(at, `${number} is not a safe integer`);
      numbers[i] = number;
    }
    this.#position = at;
    return numbers;
  }

  /** Reads a float into `values[index]` with its exact bits. */
  f64Into(values: Float64Array, index: number): void {
    assert(index >= 0 && index < values.length, "the index is within the values");
    const at = this.#take(8);
    const words = new Uint32Array(values.buffer, values.byteOffset + index * 8, 2);
    words[isLittleEndian ? 1 : 0] = this.#view.getUint32(at);
    words[isLittleEndian ? 0 : 1] = this.#view.getUint32(at + 4);
  }

  string(): string {
    const start = this.#position;
    const bytes = this.subarray(this.uvarint());
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw this.#corruptionAt(start, "a string is not valid UTF-8", cause);
    }
  }

  /** The next `count` bytes, in place: borrowed from the source. */
  subarray(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** The error for "what stands at the present position cannot be". */
  corruption(message: string): CorruptionError {
    return this.#corruptionAt(this.#position, message);
  }

  #take(count: number): number {
    const at = this.#position;
    if (count > this.#bytes.length - at)
      throw this.#corruptionAt(at, `${count} bytes are needed, ${this.#bytes.length - at} are left`);
    assert(count >= 0, "a length is not negative");
    this.#position = at + count;
    return at;
  }

  #corruptionAt(position: number, message: string, cause?: unknown): CorruptionError {
    const place = { ...this.#source, offset: (this.#source.offset ?? 0) + position };
    return new CorruptionError(message, place, cause === undefined ? undefined : { cause });
  }
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
