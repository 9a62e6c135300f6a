/**
 * SegmentWriter: writes one segment of the WAL, from its header to its end frame. One call at a time.
 *
 * Each call does all or nothing, as far as the system lets it. What was refused (the disk is full) is taken back,
 * durably, before anything else is written: a power loss then never finds frames of the refused write behind those
 * of the next one. That is a WriteRefusedError, and the writer is as it was. Any other error leaves in doubt what is
 * on the disk; the writer may only be abandoned then.
 */

import { WriteRefusedError } from "../../model/errors.js";
import { segmentPath } from "../fs/data-directory.js";
import type { FileSystem, WritableFile } from "../fs/file-system.js";
import { systemErrorCode, writeRefusal } from "../fs/storage-failure.js";
import { FrameBatch } from "./frame-batch.js";
import { encodeFileHeader } from "./wal-format.js";

export class SegmentWriter {
  readonly number: number;
  readonly #file: WritableFile;

  private constructor(number: number, file: WritableFile) {
    this.number = number;
    this.#file = file;
  }

  /**
   * Creates the segment. When this resolves, its header and its name are durable. With `writesThrough` each write is
   * durable when it resolves, else after `sync`.
   */
  static async create(
    { fileSystem, directory }: { readonly fileSystem: FileSystem; readonly directory: string },
    number: number,
    writesThrough: boolean,
  ): Promise<SegmentWriter> {
    const path = segmentPath(directory, number);
    const file = await createFile(fileSystem, path, writesThrough);
    const writer = new SegmentWriter(number, file);
    try {
      await writer.#write(encodeFileHeader({ kind: "segment", number }));
    } catch (error) {
      await file.close();
      if (error instanceof WriteRefusedError) {
        await fileSystem.remove(path);
        await fileSystem.syncDirectory(directory);
      }
      throw error;
    }
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
    try {
      if (writer.sizeBytes > sizeBytes) await writer.#file.truncate(sizeBytes);
      if (writer.sizeBytes === 0) await writer.#file.write(encodeFileHeader({ kind: "segment", number }));
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    await writer.#begin(fileSystem, directory);
    return writer;
  }

  get sizeBytes(): number {
    return this.#file.size;
  }

  /** One write. Durable after `sync`, or at once in a segment that was created with `writesThrough`. */
  write(frames: FrameBatch): Promise<void> {
    return this.#write(frames.placedAt(this.number, this.#file.size));
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Writes the end frame, syncs and closes. */
  async end(): Promise<void> {
    const frames = new FrameBatch();
    frames.addEnd();
    await this.write(frames);
    await this.#file.sync();
    await this.#file.close();
  }

  /** Closes without an end: the next open gives it one. */
  abandon(): Promise<void> {
    return this.#file.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const sizeBytes = this.#file.size;
    try {
      await this.#file.write(bytes);
    } catch (error) {
      await this.#file.truncate(sizeBytes);
      await this.#file.sync();
      throw writeRefusal(error);
    }
  }

  /** Frames may follow only a header that is durable: see invariant 4 of wal-format.ts. */
  async #begin(fileSystem: FileSystem, directory: string): Promise<void> {
    try {
      await this.#file.sync();
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await this.#file.close();
      throw error;
    }
  }
}

/** What has the name already is not ours to overwrite. */
async function createFile(
  fileSystem: FileSystem,
  path: string,
  writesThrough: boolean,
): Promise<WritableFile> {
  try {
    return await (writesThrough ? fileSystem.createWriteThrough(path) : fileSystem.create(path));
  } catch (error) {
    throw systemErrorCode(error) === "EEXIST" ? error : writeRefusal(error);
  }
}
