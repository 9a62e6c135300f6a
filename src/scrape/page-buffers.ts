/**
 * PageBuffer, PageBuffers: what all targets share while their pages are read: memory for their bytes that is used again (a
 * fresh buffer for each page of each target would keep the garbage collector busy), the kernel that knows their lines, and
 * columns for their samples.
 */

import { randomBytes } from "node:crypto";
import { type ExpositionKernel, expositionKernel } from "../kernels/exposition-kernel.js";
import { StagedColumns } from "./staged-columns.js";

/** One page. Its bytes are valid until it is given back. */
export class PageBuffer {
  #memory: Buffer = Buffer.allocUnsafeSlow(initialSizeBytes);
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get capacityBytes(): number {
    return this.#memory.length;
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#sizeBytes);
  }

  append(piece: Buffer): void {
    const sizeBytes = this.#sizeBytes + piece.length;
    if (sizeBytes > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(sizeBytes, 2 * this.#memory.length));
      this.#memory.copy(larger, 0, 0, this.#sizeBytes);
      this.#memory = larger;
    }
    piece.copy(this.#memory, this.#sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  clear(): void {
    this.#sizeBytes = 0;
  }
}

const initialSizeBytes = 64 * 1024;
/** What is kept for the next page; more is left to the garbage collector. */
const buffersMax = 16;
const capacityMaxBytes = 4 * 1024 * 1024;

/** Of the lines of all targets; millions of series have room in it. */
const kernelSizeMaxBytes = 2 ** 31;

export class PageBuffers {
  readonly kernel: ExpositionKernel;
  readonly columns = new StagedColumns();
  readonly #free: PageBuffer[] = [];

  /** `hashKey` has 16 bytes that nobody can guess. */
  constructor(hashKey: Uint8Array = randomBytes(16)) {
    this.kernel = expositionKernel({ sizeBytesMax: kernelSizeMaxBytes, hashKey });
  }

  take(): PageBuffer {
    return this.#free.pop() ?? new PageBuffer();
  }

  /** The buffer must not be used any more. */
  give(buffer: PageBuffer): void {
    if (this.#free.length >= buffersMax || buffer.capacityBytes > capacityMaxBytes) return;
    buffer.clear();
    this.#free.push(buffer);
  }
}
