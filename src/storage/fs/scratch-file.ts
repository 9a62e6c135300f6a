/**
 * NodeScratchFile: a file for this process alone. It is made when something is first written, and loses its name at once
 * where the system lets an open file be without one: then nothing is left of it, however the process ends.
 */

import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import type { ScratchFile } from "./file-system.js";
import { storageFailure } from "./storage-failure.js";

export class NodeScratchFile implements ScratchFile {
  readonly #path: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  write(bytes: Uint8Array, position: number): void {
    try {
      this.#descriptor ??= this.#open();
      for (let from = 0; from < bytes.length; )
        from += writeSync(this.#descriptor, bytes, from, bytes.length - from, position + from);
    } catch (cause) {
      throw storageFailure("write", this.#path, cause);
    }
  }

  read(into: Uint8Array, position: number): void {
    let filled = 0;
    try {
      for (let count = -1; filled < into.length && count !== 0; filled += count)
        count = readSync(this.#descriptor!, into, filled, into.length - filled, position + filled);
    } catch (cause) {
      throw storageFailure("read", this.#path, cause);
    }
    if (filled < into.length) throw storageFailure("read", this.#path, "it is shorter than what was written");
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    rmSync(this.#path, { force: true });
  }

  #open(): number {
    const descriptor = openSync(this.#path, "w+");
    try {
      rmSync(this.#path);
    } catch {
      // Windows keeps the name of what is open: then `close` takes it away, or the next open of the database.
    }
    return descriptor;
  }
}
