/**
 * XorAppender: the body of one XOR chunk that grows sample by sample. The layout stands in xor-format.ts.
 *
 * Invariant: bits that were written never change, so the first `count` samples of a view stay as they are; only the
 * count header and the bits behind the last sample do.
 */

import { assert } from "../model/assert.js";
import { XOR_HEADER_SIZE_BYTES, XOR_SAMPLE_SIZE_BYTES_MAX, XOR_SAMPLES_MAX } from "./xor-format.js";
import { XorWriter } from "./xor-writer.js";

const timeMax = 2 ** 52;

export class XorAppender {
  readonly #writer = new XorWriter();
  #bytes: Uint8Array;
  #minTime = Number.NaN;

  /** `capacityBytes` is a guess: the buffer doubles when it is full. */
  constructor(capacityBytes = 128) {
    this.#bytes = new Uint8Array(Math.max(capacityBytes, XOR_HEADER_SIZE_BYTES + XOR_SAMPLE_SIZE_BYTES_MAX));
  }

  /** Samples appended. */
  get count(): number {
    return this.#writer.count;
  }

  /** Time of the first sample; NaN when there is none. */
  get minTime(): number {
    return this.#minTime;
  }

  /** Time of the last sample; NaN when there is none. */
  get maxTime(): number {
    return this.#writer.count === 0 ? Number.NaN : this.#writer.time;
  }

  get sizeBytes(): number {
    return XOR_HEADER_SIZE_BYTES + ((this.#writer.bitLength + 7) >>> 3);
  }

  /** The chunk's body. A view, not a copy: see the invariant for what later appends do to it. */
  bytes(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.sizeBytes);
    bytes[0] = this.count >>> 8;
    bytes[1] = this.count & 0xff;
    return bytes;
  }

  /** Appends the sample (`time`, `values[index]`), whose bits are kept. `time` is an integer within +-2^52. */
  append(time: number, values: Float64Array, index: number): void {
    const writer = this.#writer;
    assert(writer.count < XOR_SAMPLES_MAX, "a chunk is cut before its count overflows");
    assert(
      Number.isInteger(time) && time >= -timeMax && time <= timeMax,
      "a time is an integer within +-2^52",
    );
    if (writer.count === 0) this.#minTime = time;
    const at = XOR_HEADER_SIZE_BYTES + (writer.bitLength >>> 3);
    const length = writer.encode(time, values, index);
    if (at + length > this.#bytes.length) this.#grow();
    for (let i = 0; i < length; i++) this.#bytes[at + i] = writer.bytes[i]!;
    writer.bytes[0] = writer.lastByte();
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
