/**
 * SegmentWriter: writes one segment of the WAL, from its header to its end frame. One call at a time.
 */

import { segmentPath } from "../fs/data-directory.js";
import type { FileSystem, WritableFile } from "../fs/file-system.js";
import { FrameBatch } from "./frame-batch.js";
import { encodeFileHeader } from "./wal-format.js";

export class SegmentWriter {
  readonly number: number;
  readonly #file: WritableFile;

  private constructor(number: number, file: WritableFile) {
    this.number = number;
    this.#file = file;
  }

  /** Creates the segment. When this resolves, its header and its name are durable. */
  static async create(fileSystem: FileSystem, directory: string, number: number): Promise<SegmentWriter> {
    const writer = new SegmentWriter(number, await fileSystem.create(segmentPath(directory, number)));
    await writer.#begin(fileSystem, directory);
    return writer;
  }

  /**
   * Goes on at `sizeBytes` of a segment that a crash left without an end: what stands behind is cut off. When this
   * resolves the cut, the header and the name are durable.
   */
  static async reopen(
    fileSystem: FileSystem,
    directory: string,
    number: number,
    sizeBytes: number,
  ): Promise<SegmentWriter> {
    const writer = new SegmentWriter(number, await fileSystem.openForAppend(segmentPath(directory, number)));
    if (writer.sizeBytes > sizeBytes) await writer.#file.truncate(sizeBytes);
    await writer.#begin(fileSystem, directory);
    return writer;
  }

  get sizeBytes(): number {
    return this.#file.size;
  }

  /** One write. Durable after `sync`. */
  async write(frames: FrameBatch): Promise<void> {
    await this.#file.write(frames.placedAt(this.number, this.#file.size));
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Writes the end frame syncs and closes; closes also when that fails. */
  async end(): Promise<void> {
    const frames = new FrameBatch();
    frames.addEnd();
    try {
      if (this.#file.size === 0)
        await this.#file.write(encodeFileHeader({ kind: "segment", number: this.number }));
      await this.write(frames);
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }

  /** Closes without an end, after a failure. */
  abandon(): Promise<void> {
    return this.#file.close();
  }

  /** Frames may follow only a header that is durable: see invariant 4 of wal-format.ts. */
  async #begin(fileSystem: FileSystem, directory: string): Promise<void> {
    try {
      if (this.#file.size === 0)
        await this.#file.write(encodeFileHeader({ kind: "segment", number: this.number }));
      await this.#file.sync();
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await this.#file.close();
      throw error;
    }
  }
}
