/**
 * ChunkCopies: room for the copies of many small chunks, taken from few buffers.
 */

const bufferSizeBytes = 64 * 1024;

export class ChunkCopies {
  #buffer = new Uint8Array(0);
  #end = 0;

  /** Room that nobody else gets. */
  take(sizeBytes: number): Uint8Array {
    if (this.#end + sizeBytes > this.#buffer.length) {
      // The first buffer is small, as most queries ask for few series.
      const larger = Math.min(bufferSizeBytes, Math.max(1024, this.#buffer.length * 8));
      this.#buffer = new Uint8Array(Math.max(sizeBytes, larger));
      this.#end = 0;
    }
    this.#end += sizeBytes;
    return this.#buffer.subarray(this.#end - sizeBytes, this.#end);
  }
}
