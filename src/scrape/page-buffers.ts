/**
 * PageBuffer, PageBuffers: what all targets share while their pages are read: memory for their bytes that is used again (a
 * fresh buffer for each page of each target would keep the garbage collector busy), the kernel that knows their lines, and
 * columns for their samples.
 */

import { randomBytes } from "node:crypto";
import { type ExpositionKernel, expositionKernel } from "../kernels/exposition-kernel.js";
import { StagedColumns } from "./staged-columns.js";

const initialSizeBytes = 128 * 1024;
/** What is kept for the next page; more is left to the garbage collector. */
const sparesMax = 16;
const spareSizeMaxBytes = 4 * 1024 * 1024;
const noMemory = Buffer.alloc(0);

/**
 * One page. Its bytes are valid until it is given back. It has no memory before it has bytes: most of those that are on their
 * way at one time, which may be all targets, have none.
 */
export class PageBuffer {
  readonly #spares: Buffer[];
  #memory: Buffer = noMemory;
  #sizeBytes = 0;

  /** Memory is taken from `spares`, and goes there. */
  constructor(spares: Buffer[] = []) {
    this.#spares = spares;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#sizeBytes);
  }

  append(piece: Buffer): void {
    const sizeBytes = this.#sizeBytes + piece.length;
    if (this.#memory === noMemory) this.#memory = this.#spares.pop() ?? noMemory;
    if (sizeBytes > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(sizeBytes, 2 * this.#memory.length, initialSizeBytes));
      this.#memory.copy(larger, 0, 0, this.#sizeBytes);
      this.#memory = larger;
    }
    piece.copy(this.#memory, this.#sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  clear(): void {
    this.#sizeBytes = 0;
  }

  /** Gives the memory away. */
  release(): void {
    const { length } = this.#memory;
    if (length > 0 && length <= spareSizeMaxBytes && this.#spares.length < sparesMax)
      this.#spares.push(this.#memory);
    this.#memory = noMemory;
    this.#sizeBytes = 0;
  }
}

/** Of the lines of all targets; millions of series have room in it. */
const kernelSizeMaxBytes = 2 ** 31;

export class PageBuffers {
  readonly kernel: ExpositionKernel;
  readonly columns = new StagedColumns();
  readonly #spares: Buffer[] = [];

  /** `hashKey` has 16 bytes that nobody can guess. */
  constructor(hashKey: Uint8Array = randomBytes(16)) {
    this.kernel = expositionKernel({ sizeBytesMax: kernelSizeMaxBytes, hashKey });
  }

  take(): PageBuffer {
    return new PageBuffer(this.#spares);
  }

  /** The buffer must not be used any more. */
  give(buffer: PageBuffer): void {
    buffer.release();
  }
}
