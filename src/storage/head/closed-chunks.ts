/**
 * ClosedChunks: the finished chunks of all series, in slabs, those of one series linked from the newest to the
 * oldest.
 *
 * Layout of a chunk in its slab, aligned to 8 bytes, in the byte order of the machine:
 *   ┌─────────────┬─────────────┬──────────────┬───────────┬────────────┬──────────────┬──────────────────────┐
 *   │ minTime f64 │ maxTime f64 │ previous f64 │ count u16 │ length u16 │ reserved u32 │ the body: `length` B │
 *   └─────────────┴─────────────┴──────────────┴───────────┴────────────┴──────────────┴──────────────────────┘
 *     previous: the place of the next older chunk of the series, 0 for none.
 *   A place is slab number * slab size + offset of the chunk in the slab. No slab number is used twice.
 *
 * Invariants
 *  1. The body of a chunk never changes, and no byte of a slab is used twice: so readers hold chunks without a copy,
 *     and what they hold stays.
 *  2. A slab goes when its last chunk is removed; the garbage collector then waits for the last reader. As a cut
 *     removes all that is older than its end, chunks leave in about the order in which they came. `moveFromSparse`
 *     moves those that stay behind.
 */

import { assert } from "../../model/assert.js";
import { CHUNK_XOR, type EncodedChunk } from "../../model/series.js";

const slabSizeBytes = 1 << 20;
const headerSizeBytes = 32;
export const NO_CHUNK = 0;
/** Count and length have 16 bits. */
export const CLOSED_CHUNK_MAX = 0xffff;

interface Slab {
  readonly bytes: Uint8Array;
  readonly floats: Float64Array;
  readonly shorts: Uint16Array;
  /** Bytes of the chunks that are not removed. */
  liveBytes: number;
}

export class ClosedChunks {
  readonly #slabs = new Map<number, Slab>();
  /** Of the slab that is being filled. Slab 0 does not exist, so that no place is 0. */
  #lastNumber = 0;
  #end = slabSizeBytes;

  /** Bytes of all slabs. */
  get sizeBytes(): number {
    return this.#slabs.size * slabSizeBytes;
  }

  /** Room for a chunk of `length` bytes, to be filled at once by way of `bytesOf`. Returns its place. */
  add({ minTime, maxTime, count, length, previous }: NewChunk): number {
    assert(count <= CLOSED_CHUNK_MAX && length <= CLOSED_CHUNK_MAX, "count and length have 16 bits");
    const sizeBytes = spaceOf(length);
    if (this.#end + sizeBytes > slabSizeBytes) this.#addSlab();
    const offset = this.#end;
    const slab = this.#slabs.get(this.#lastNumber)!;
    slab.floats[offset / 8] = minTime;
    slab.floats[offset / 8 + 1] = maxTime;
    slab.floats[offset / 8 + 2] = previous;
    slab.shorts[offset / 2 + 12] = count;
    slab.shorts[offset / 2 + 13] = length;
    slab.liveBytes += sizeBytes;
    this.#end += sizeBytes;
    return this.#lastNumber * slabSizeBytes + offset;
  }

  addCopy({ minTime, maxTime, count, bytes }: EncodedChunk, previous: number): number {
    const place = this.add({ minTime, maxTime, count, length: bytes.length, previous });
    this.bytesOf(place).set(bytes);
    return place;
  }

  minTimeOf(place: number): number {
    return this.#slabOf(place).floats[(place % slabSizeBytes) / 8]!;
  }

  maxTimeOf(place: number): number {
    return this.#slabOf(place).floats[(place % slabSizeBytes) / 8 + 1]!;
  }

  previousOf(place: number): number {
    return this.#slabOf(place).floats[(place % slabSizeBytes) / 8 + 2]!;
  }

  countOf(place: number): number {
    return this.#slabOf(place).shorts[(place % slabSizeBytes) / 2 + 12]!;
  }

  /** The body, in place. */
  bytesOf(place: number): Uint8Array {
    const slab = this.#slabOf(place);
    const offset = place % slabSizeBytes;
    const start = offset + headerSizeBytes;
    return slab.bytes.subarray(start, start + slab.shorts[offset / 2 + 13]!);
  }

  at(place: number): EncodedChunk {
    const slab = this.#slabOf(place);
    const offset = place % slabSizeBytes;
    const start = offset + headerSizeBytes;
    return {
      encoding: CHUNK_XOR,
      minTime: slab.floats[offset / 8]!,
      maxTime: slab.floats[offset / 8 + 1]!,
      count: slab.shorts[offset / 2 + 12]!,
      bytes: slab.bytes.subarray(start, start + slab.shorts[offset / 2 + 13]!),
    };
  }

  /** Links a chunk to an older one. */
  setPrevious(place: number, previous: number): void {
    this.#slabOf(place).floats[(place % slabSizeBytes) / 8 + 2] = previous;
  }

  remove(place: number): void {
    const slab = this.#slabOf(place);
    slab.liveBytes -= spaceOf(slab.shorts[(place % slabSizeBytes) / 2 + 13]!);
    const number = Math.floor(place / slabSizeBytes);
    if (slab.liveBytes > 0) return;
    this.#slabs.delete(number);
    if (number === this.#lastNumber) this.#end = slabSizeBytes;
  }

  /** Whether the chunk lies in a finished slab that is mostly empty. */
  isInSparseSlab(place: number): boolean {
    const number = Math.floor(place / slabSizeBytes);
    return number !== this.#lastNumber && this.#slabs.get(number)!.liveBytes < slabSizeBytes / 4;
  }

  #slabOf(place: number): Slab {
    const slab = this.#slabs.get(Math.floor(place / slabSizeBytes));
    assert(slab !== undefined, "a place is of a chunk that was not removed");
    return slab;
  }

  #addSlab(): void {
    const buffer = new ArrayBuffer(slabSizeBytes);
    const slab = {
      bytes: new Uint8Array(buffer),
      floats: new Float64Array(buffer),
      shorts: new Uint16Array(buffer),
      liveBytes: 0,
    };
    this.#lastNumber++;
    this.#slabs.set(this.#lastNumber, slab);
    this.#end = 0;
  }
}

export interface NewChunk {
  readonly minTime: number;
  readonly maxTime: number;
  readonly count: number;
  readonly length: number;
  readonly previous: number;
}

function spaceOf(length: number): number {
  return headerSizeBytes + Math.ceil(length / 8) * 8;
}
