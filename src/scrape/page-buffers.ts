/**
 * PageBuffer, PageBuffers: the bytes of pages while they are read, in memory that is used again: a fresh buffer for each
 * page of each target would keep the garbage collector busy.
 */

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

export class PageBuffers {
  readonly #free: PageBuffer[] = [];

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
