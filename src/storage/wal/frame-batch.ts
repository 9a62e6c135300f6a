/**
 * FrameBatch: frames that will go to a WAL file in one write, in a buffer that is kept from write to write, unless it has
 * become much larger than what is written: a disk that was slow for a moment, or a start with a million new series, would
 * else cost megabytes for good.
 *
 * Lifetime: `add` copies. The header checksum depends on the place, which is known only when the batch's turn
 * comes, so `placedAt` fills it in last.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { assert } from "../../model/assert.js";
import { ByteWriter } from "../codec/byte-writer.js";
import {
  FRAME_END,
  FRAME_HEADER_CRC_AT,
  FRAME_RECORD,
  frameHeaderCrc,
  PAYLOAD_SIZE_MAX_BYTES,
} from "./wal-format.js";

const smallestSizeBytes = 64 * 1024;
/** What is always kept. */
const keptSizeBytes = 1024 * 1024;
/** A larger buffer is kept when so much of it was filled. */
const filledPart = 1 / 16;

export class FrameBatch {
  #frames = new ByteWriter(smallestSizeBytes);
  /** Positions of the frames in the buffer. */
  #starts: number[] = [];

  get sizeBytes(): number {
    return this.#frames.length;
  }

  get capacityBytes(): number {
    return this.#frames.capacityBytes;
  }

  addRecord(payload: Uint8Array): void {
    assert(payload.length <= PAYLOAD_SIZE_MAX_BYTES, "the caller has checked the size of the payload");
    this.#add(FRAME_RECORD, payload);
  }

  addEnd(): void {
    this.#add(FRAME_END, new Uint8Array(0));
  }

  /** The bytes to write at `offset` of file `fileNumber`; borrowed until the batch changes. */
  placedAt(fileNumber: number, offset: number): Uint8Array {
    const bytes = this.#frames.view();
    for (const start of this.#starts) {
      const crc = frameHeaderCrc(bytes, start, fileNumber, offset + start);
      this.#frames.patchU32(start + FRAME_HEADER_CRC_AT, crc);
    }
    return bytes;
  }

  clear(): void {
    const { length, capacityBytes } = this.#frames;
    if (capacityBytes > keptSizeBytes && length < capacityBytes * filledPart)
      this.#frames = new ByteWriter(smallestSizeBytes);
    this.#frames.clear();
    this.#starts = [];
  }

  #add(type: number, payload: Uint8Array): void {
    this.#starts.push(this.#frames.length);
    this.#frames.u8(type);
    this.#frames.u32(payload.length);
    this.#frames.u32(crc32c(payload));
    this.#frames.u32(0);
    this.#frames.bytes(payload);
  }
}
