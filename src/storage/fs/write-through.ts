/**
 * createWriteThrough: files whose writes are durable when they resolve, in one step where the system has one.
 *
 * On Linux a file that is opened with O_DSYNC takes a write as if fdatasync followed, in one trip through the thread
 * pool instead of two. Only file systems of the kernel's own that are known to keep to it are trusted: those in user
 * space may leave it to a server that does not. Everywhere else a sync follows each write; on macOS O_DSYNC does
 * not reach the platter, as fdatasync of Node does (F_FULLFSYNC).
 *
 * What failed, the write or the sync, a single step does not say. So anything but a lack of room counts as a failed
 * sync. A lack of room is told by two places: before anything is written, and by some file systems when blocks
 * are chosen. The latter is an error of the sync, which the system reports to each open handle once: hence there
 * are two, and `sync` asks the one that has not written.
 */

import { constants, open, rm, statfs } from "node:fs/promises";
import { DiskFullError } from "../../model/errors.js";
import { parentPath } from "./data-directory.js";
import type { WritableFile } from "./file-system.js";
import { attempt, NodeWritableFile } from "./node-files.js";

/** See FileSystem.createWriteThrough. `isOneStep` says whether the file system of a directory keeps to O_DSYNC. */
export async function createWriteThrough(path: string, isOneStep = keepsDataSync): Promise<WritableFile> {
  const handle = await attempt("create", path, () => open(path, "wx"));
  try {
    if (!(await isOneStep(parentPath(path))))
      return new WriteThroughFile(new NodeWritableFile(path, handle, 0), false);
    const flags = constants.O_WRONLY | constants.O_DSYNC;
    const writer = await attempt("create", path, () => open(path, flags));
    return new WriteThroughFile(new NodeWritableFile(path, handle, 0, writer), true);
  } catch (error) {
    await handle.close();
    await rm(path, { force: true });
    throw error;
  }
}

/** ext2 to ext4, XFS, Btrfs, F2FS, tmpfs: as statfs names them. */
const trustedTypes: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994]);

async function keepsDataSync(directory: string): Promise<boolean> {
  if (process.platform !== "linux") return false;
  try {
    return trustedTypes.has((await statfs(directory)).type);
  } catch {
    // Some systems cannot be asked (ENOSYS); what is wrong with the directory is told by what comes next.
    return false;
  }
}

class WriteThroughFile implements WritableFile {
  readonly #file: WritableFile;
  readonly #isOneStep: boolean;
  /** Of a sync: what is on the disk is unknown from then on. */
  #failure: unknown;

  constructor(file: WritableFile, isOneStep: boolean) {
    this.#file = file;
    this.#isOneStep = isOneStep;
  }

  get size(): number {
    return this.#file.size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.write(bytes);
    } catch (error) {
      if (this.#isOneStep && !(error instanceof DiskFullError)) this.#failure = error;
      throw error;
    }
    if (!this.#isOneStep) await this.sync();
  }

  async sync(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#file.sync();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  truncate(size: number): Promise<void> {
    return this.#file.truncate(size);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
