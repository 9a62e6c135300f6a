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
    const file = await fileSystem.create(segmentPath(directory, number));
    try {
      await file.write(encodeFileHeader({ kind: "segment", number }));
      await file.sync();
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new SegmentWriter(number, file);
  }

  /** Goes on behind the last frame of a segment that a crash left without an end. */
  static async reopen(fileSystem: FileSystem, directory: string, number: number): Promise<SegmentWriter> {
    return new SegmentWriter(number, await fileSystem.openForAppend(segmentPath(directory, number)));
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

  /** Cuts a torn tail off. */
  truncate(sizeBytes: number): Promise<void> {
    return this.#file.truncate(sizeBytes);
  }

  /** Writes the end frame, syncs and closes; closes also when that fails. */
  async end(): Promise<void> {
    const frames = new FrameBatch();
    frames.addEnd();
    try {
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
}
