/**
 * SettledFiles: files that other programs write, read when they are complete: not while they grow.
 *
 * A file that has changed since it was last read is looked at twice, and once more after it was read; it is taken when
 * size, time and inode have stayed the same. One that has not changed is not read again.
 */

import { type FileVersion, fileVersion, readTextFile } from "../local-files.js";
import type { Clock } from "../model/clock.js";
import { LimitExceededError, UnavailableError } from "../model/errors.js";

export interface SettledFile extends FileVersion {
  readonly text: string;
}

export interface SettledFilesOptions {
  readonly clock: Clock;
  /** A larger file is refused. */
  readonly sizeMaxBytes: number;
}

/** Between two looks. */
const pauseMs = 50;
/** Looks in vain before a file counts as being written. */
const looksMax = 20;

export class SettledFiles {
  readonly #options: SettledFilesOptions;
  readonly #files = new Map<string, SettledFile>();

  constructor(options: SettledFilesOptions) {
    this.#options = options;
  }

  /** What was read last, as long as the file was complete then. */
  lastGood(path: string): SettledFile | undefined {
    return this.#files.get(path);
  }

  /** Rejects with StorageError, LimitExceededError, or UnavailableError when the file is still being written. */
  async read(path: string): Promise<SettledFile> {
    const { sizeMaxBytes } = this.#options;
    let version = await fileVersion(path);
    const known = this.#files.get(path);
    if (known !== undefined && isSame(known, version)) return known;
    for (let look = 0; look < looksMax; look++) {
      await this.#pause();
      const before = version;
      version = await fileVersion(path);
      if (!isSame(before, version)) continue;
      if (version.sizeBytes > sizeMaxBytes)
        throw new LimitExceededError(`${path} is larger than ${sizeMaxBytes} bytes`);
      const text = await readTextFile(path);
      version = await fileVersion(path);
      if (!isSame(before, version)) continue;
      const file = { ...version, text };
      this.#files.set(path, file);
      return file;
    }
    throw new UnavailableError(`${path} is being written`);
  }

  /** Forgets all other files. */
  keepOnly(paths: ReadonlySet<string>): void {
    for (const path of this.#files.keys()) if (!paths.has(path)) this.#files.delete(path);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.schedule(pauseMs, resolve);
    });
  }
}

function isSame(a: FileVersion, b: FileVersion): boolean {
  return a.sizeBytes === b.sizeBytes && a.modifiedMs === b.modifiedMs && a.inode === b.inode;
}
