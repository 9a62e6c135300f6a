/**
 * ClosedChunks: the finished chunks of all series, in slabs, those of one series linked from the newest to the
 * oldest.
 *
 * Layout of a chunk in its slab, aligned to 8 bytes, in the byte order of the machine:
 *   ┌─────────────┬─────────────┬──────────────┬───────────┬────────────┬──────────────┬──────────────────────┐
 *   │ minTime f64 │ maxTime f64 │ previous f64 │ count u16 │ length u16 │ checksum u32 │ the body: `length` B │
 *   └─────────────┴─────────────┴──────────────┴───────────┴────────────┴──────────────┴──────────────────────┘
 *     previous: the place of the next older chunk of the series, 0 for none. checksum: CRC-32C of all else, since a cut
 *     writes to a block what the file gives back.
 *   A place is slab number * slab size + offset of the chunk in the slab. No slab number is used twice.
 *
 * Invariants
 *  1. The body of a chunk never changes. Readers get copies, as the memory of a slab is used again (see Slabs).
 *  2. A slab goes when its last chunk is removed. As a cut removes all that is older than its end, chunks leave in about
 *     the order in which they came. `moveFromSparse` moves those that stay behind.
 *  3. Slabs that are old are in a file: whatever walks the chunks of all series reads that. So what is told of all of
 *     them is counted here.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { assert } from "../../model/assert.js";
import { CorruptionError } from "../../model/errors.js";
import { CHUNK_XOR, type EncodedChunk } from "../../model/series.js";
import type { ScratchFile } from "../fs/file-system.js";
import type { ChunkCopies } from "./chunk-copies.js";
import { newMemory, SLAB_SIZE_BYTES, SLABS_IN_MEMORY, type SlabMemory, Slabs } from "./slabs.js";

const headerSizeBytes = 32;
const previousAt = 16;
const checksumAt = 28;
export const NO_CHUNK = 0;
/** Count and length have 16 bits. */
export const CLOSED_CHUNK_MAX = 0xffff;
/** Of a chunk in the file: most are shorter. */
const readSizeBytes = 512;

export class ClosedChunks {
  readonly #slabs: Slabs;
  #count = 0;
  /** Of the slab that is being filled. Slab 0 does not exist, so that no place is 0. */
  #lastNumber = 0;
  #end = SLAB_SIZE_BYTES;
  /** Where the chunk begins in what `#memoryAt` gave. */
  #offset = 0;
  /** The chunk that was read last from the file, and where it is now. */
  #readPlace = NO_CHUNK;
  #read = newMemory(readSizeBytes);

  /** Old chunks go to the file, if there is one. It is closed with this. */
  constructor(file?: ScratchFile, slabsInMemory: number = SLABS_IN_MEMORY) {
    this.#slabs = new Slabs(file, slabsInMemory);
  }

  /** Chunks that are not removed. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the slabs in memory. */
  get sizeBytes(): number {
    return this.#slabs.memoryBytes;
  }

  /** Bytes of the slabs in the file. */
  get fileSizeBytes(): number {
    return this.#slabs.fileBytes;
  }

  /** Room for a chunk of `length` bytes, to be filled at once by `fill`. Returns its place. */
  add({ minTime, maxTime, count, length, previous }: NewChunk): number {
    assert(count <= CLOSED_CHUNK_MAX && length <= CLOSED_CHUNK_MAX, "count and length have 16 bits");
    const sizeBytes = spaceOf(length);
    if (this.#end + sizeBytes > SLAB_SIZE_BYTES) this.#beginSlab();
    const offset = this.#end;
    const slab = this.#slabs.get(this.#lastNumber)!;
    const { floats, shorts } = slab.memory!;
    floats[offset / 8] = minTime;
    floats[offset / 8 + 1] = maxTime;
    floats[offset / 8 + 2] = previous;
    shorts[offset / 2 + 12] = count;
    shorts[offset / 2 + 13] = length;
    slab.liveBytes += sizeBytes;
    this.#end += sizeBytes;
    this.#count++;
    return this.#lastNumber * SLAB_SIZE_BYTES + offset;
  }

  addCopy({ minTime, maxTime, count, bytes }: EncodedChunk, previous: number): number {
    const place = this.add({ minTime, maxTime, count, length: bytes.length, previous });
    this.fill(place, (target, at) => target.set(bytes, at));
    return place;
  }

  /** Has `write` write the body of the chunk that was added last into what it is given, from a place on. */
  fill(place: number, write: (target: Uint8Array, at: number) => void): void {
    const memory = this.#memoryAt(place);
    write(memory.bytes, this.#offset + headerSizeBytes);
    this.#seal(memory);
  }

  minTimeOf(place: number): number {
    return this.#memoryAt(place).floats[this.#offset / 8]!;
  }

  maxTimeOf(place: number): number {
    return this.#memoryAt(place).floats[this.#offset / 8 + 1]!;
  }

  previousOf(place: number): number {
    return this.#memoryAt(place).floats[this.#offset / 8 + 2]!;
  }

  countOf(place: number): number {
    return this.#memoryAt(place).shorts[this.#offset / 2 + 12]!;
  }

  /** The body, borrowed until the next call. */
  bytesOf(place: number): Uint8Array {
    const { bytes, shorts } = this.#memoryAt(place);
    const start = this.#offset + headerSizeBytes;
    return bytes.subarray(start, start + shorts[this.#offset / 2 + 13]!);
  }

  /** The chunk, its body copied. */
  at(place: number, copies?: ChunkCopies): EncodedChunk {
    const body = this.bytesOf(place);
    const { floats, shorts } = this.#memoryAt(place);
    const bytes = copies?.take(body.length) ?? new Uint8Array(body.length);
    bytes.set(body);
    return {
      encoding: CHUNK_XOR,
      minTime: floats[this.#offset / 8]!,
      maxTime: floats[this.#offset / 8 + 1]!,
      count: shorts[this.#offset / 2 + 12]!,
      bytes,
    };
  }

  /** Links a chunk to an older one. */
  setPrevious(place: number, previous: number): void {
    const memory = this.#memoryAt(place);
    memory.floats[(this.#offset + previousAt) / 8] = previous;
    this.#seal(memory);
    if (place !== this.#readPlace) return;
    // Until it is written, what was read is not what the file has.
    this.#readPlace = NO_CHUNK;
    const changed = memory.bytes.subarray(previousAt, headerSizeBytes);
    this.#slabs.write(numberOf(place), (place % SLAB_SIZE_BYTES) + previousAt, changed);
    this.#readPlace = place;
  }

  remove(place: number): void {
    const sizeBytes = spaceOf(this.bytesOf(place).length);
    const number = numberOf(place);
    const slab = this.#slabs.get(number)!;
    slab.liveBytes -= sizeBytes;
    this.#count--;
    if (slab.liveBytes > 0) return;
    this.#slabs.remove(number);
    if (number === this.#lastNumber) this.#end = SLAB_SIZE_BYTES;
  }

  /** Whether the chunk lies in a finished slab that is mostly empty. */
  isInSparseSlab(place: number): boolean {
    const number = numberOf(place);
    return number !== this.#lastNumber && this.#slabs.get(number)!.liveBytes < SLAB_SIZE_BYTES / 4;
  }

  close(): void {
    this.#slabs.close();
  }

  /** What has the chunk, from `#offset` on, until the next call. */
  #memoryAt(place: number): SlabMemory {
    const slab = this.#slabs.get(numberOf(place));
    assert(slab !== undefined, "a place is of a chunk that was not removed");
    if (slab.memory !== undefined) {
      this.#offset = place % SLAB_SIZE_BYTES;
      return slab.memory;
    }
    if (place !== this.#readPlace) this.#readFromFile(place);
    this.#offset = 0;
    return this.#read;
  }

  #readFromFile(place: number): void {
    const [number, offset] = [numberOf(place), place % SLAB_SIZE_BYTES];
    this.#readPlace = NO_CHUNK;
    const into = (sizeBytes: number) =>
      this.#read.bytes.subarray(0, Math.min(sizeBytes, SLAB_SIZE_BYTES - offset));
    this.#slabs.read(number, offset, into(readSizeBytes));
    const sizeBytes = spaceOf(this.#read.shorts[13]!);
    if (sizeBytes > readSizeBytes) {
      if (sizeBytes > this.#read.bytes.length) this.#read = newMemory(spaceOf(CLOSED_CHUNK_MAX));
      this.#slabs.read(number, offset, into(sizeBytes));
    }
    this.#offset = 0;
    if (this.#read.words[checksumAt / 4] !== this.#checksumOf(this.#read))
      throw new CorruptionError(
        "a chunk of the head has come back from its scratch file otherwise than it was written; close the database and open it again: the log has these samples",
      );
    this.#readPlace = place;
  }

  /** Of the chunk at `#offset`. */
  #seal(memory: SlabMemory): void {
    memory.words[(this.#offset + checksumAt) / 4] = this.#checksumOf(memory);
  }

  #checksumOf({ bytes, shorts }: SlabMemory): number {
    const start = this.#offset;
    const body = start + headerSizeBytes;
    const ofHeader = crc32c(bytes.subarray(start, start + checksumAt));
    return crc32c(bytes.subarray(body, body + shorts[start / 2 + 13]!), ofHeader);
  }

  #beginSlab(): void {
    this.#lastNumber = this.#slabs.begin();
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

function numberOf(place: number): number {
  return Math.floor(place / SLAB_SIZE_BYTES);
}

function spaceOf(length: number): number {
  return headerSizeBytes + Math.ceil(length / 8) * 8;
}
