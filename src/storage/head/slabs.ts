/**
 * Slabs: memory for closed chunks in pieces of 1 MiB, of which only the newest stay in memory: those before them go to a
 * scratch file, from where a chunk is read when it is asked for. A million series have 700 MB of them an hour.
 *
 * Without a file, or while nothing more can be written to it, all stay in memory.
 *
 * Invariants
 *  1. No number is used twice. Memory and places in the file are used again.
 *  2. What is in a slab may change in memory only: see `write`.
 */

import { StorageError } from "../../model/errors.js";
import type { ScratchFile } from "../fs/file-system.js";

export const SLAB_SIZE_BYTES = 1 << 20;
/** More of them go to the file. */
export const SLABS_IN_MEMORY = 12;

/** One buffer, seen in four ways. */
export interface SlabMemory {
  readonly bytes: Uint8Array;
  readonly floats: Float64Array;
  readonly shorts: Uint16Array;
  readonly words: Uint32Array;
}

export interface Slab {
  /** Undefined when it is in the file. */
  readonly memory: SlabMemory | undefined;
  /** Of the chunks in it that are not removed. */
  liveBytes: number;
}

interface PlacedSlab extends Slab {
  memory: SlabMemory | undefined;
  /** In the file. */
  position: number;
}

export class Slabs {
  readonly #file: ScratchFile | undefined;
  readonly #inMemoryMax: number;
  readonly #slabs = new Map<number, PlacedSlab>();
  /** Those in memory, oldest first. The last one is being filled. */
  #inMemory: number[] = [];
  readonly #freePositions: number[] = [];
  #fileEnd = 0;
  /** One that nobody uses: as a rule what the next slab needs. */
  #spare: SlabMemory | undefined;
  /** Numbers begin at 1. */
  #lastNumber = 0;

  constructor(file: ScratchFile | undefined, inMemoryMax: number) {
    this.#file = file;
    this.#inMemoryMax = inMemoryMax;
  }

  /** Bytes of those in memory. */
  get memoryBytes(): number {
    return this.#inMemory.length * SLAB_SIZE_BYTES;
  }

  /** Bytes of those in the file. */
  get fileBytes(): number {
    return (this.#slabs.size - this.#inMemory.length) * SLAB_SIZE_BYTES;
  }

  /** A new slab, in memory. Returns its number. */
  begin(): number {
    // Two at a time, when there was no room for long: no more, as that takes time.
    for (let moved = 0; moved < 2 && this.#inMemory.length >= this.#inMemoryMax; moved++) this.#moveOldest();
    const memory = this.#spare ?? newMemory(SLAB_SIZE_BYTES);
    this.#spare = undefined;
    this.#lastNumber++;
    this.#slabs.set(this.#lastNumber, { memory, position: -1, liveBytes: 0 });
    this.#inMemory.push(this.#lastNumber);
    return this.#lastNumber;
  }

  /** Undefined when it was removed. */
  get(number: number): Slab | undefined {
    return this.#slabs.get(number);
  }

  /** Reads of a slab that is in the file. Throws StorageError. */
  read(number: number, offset: number, into: Uint8Array): void {
    this.#file!.read(into, this.#slabs.get(number)!.position + offset);
  }

  /** Writes to a slab that is in the file. Throws StorageError. */
  write(number: number, offset: number, bytes: Uint8Array): void {
    this.#file!.write(bytes, this.#slabs.get(number)!.position + offset);
  }

  remove(number: number): void {
    const { memory, position } = this.#slabs.get(number)!;
    this.#slabs.delete(number);
    if (memory === undefined) this.#freePositions.push(position);
    else {
      this.#spare = memory;
      this.#inMemory = this.#inMemory.filter((other) => other !== number);
    }
  }

  close(): void {
    this.#file?.close();
  }

  /** To the file. One that cannot be written has its turn again when all others have had theirs. */
  #moveOldest(): void {
    if (this.#file === undefined) return;
    const number = this.#inMemory.shift()!;
    const slab = this.#slabs.get(number)!;
    const position = this.#freePositions.pop() ?? this.#fileEnd;
    try {
      this.#file.write(slab.memory!.bytes, position);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (position < this.#fileEnd) this.#freePositions.push(position);
      this.#inMemory.push(number);
      return;
    }
    this.#fileEnd = Math.max(this.#fileEnd, position + SLAB_SIZE_BYTES);
    this.#spare = slab.memory;
    slab.memory = undefined;
    slab.position = position;
  }
}

export function newMemory(sizeBytes: number): SlabMemory {
  const buffer = new ArrayBuffer(sizeBytes);
  return {
    bytes: new Uint8Array(buffer),
    floats: new Float64Array(buffer),
    shorts: new Uint16Array(buffer),
    words: new Uint32Array(buffer),
  };
}
