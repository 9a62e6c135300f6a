/**
 * NodeReadableFile, NodeWritableFile: open files, by node:fs, whose failures are StorageErrors.
 */

import { fdatasync, write } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { ReadableFile, WritableFile } from "./file-system.js";
import { storageFailure } from "./storage-failure.js";

export class NodeReadableFile implements ReadableFile {
  readonly size: number;
  readonly #path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.size = size;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await attempt("read", this.#path, () =>
        this.#handle.read(into, filled, into.length - filled, position + filled),
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  close(): Promise<void> {
    return attempt("close", this.#path, () => this.#handle.close());
  }
}

export class NodeWritableFile implements WritableFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #writer: FileHandle;
  #size: number;

  /** `writer` is another handle of the same file, for writes; it is closed with this one. */
  constructor(path: string, handle: FileHandle, size: number, writer = handle) {
    this.#path = path;
    this.#handle = handle;
    this.#writer = writer;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /** By callbacks: each commit writes, and the promises of FileHandle take twice the time of the processor. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => this.#writeFrom(bytes, 0, { resolve, reject }));
  }

  #writeFrom(bytes: Uint8Array, from: number, told: Told): void {
    if (from === bytes.length) {
      told.resolve();
      return;
    }
    write(this.#writer.fd, bytes, from, bytes.length - from, this.#size, (error, bytesWritten) => {
      if (error !== null) {
        told.reject(storageFailure("write", this.#path, error));
        return;
      }
      this.#size += bytesWritten;
      this.#writeFrom(bytes, from + bytesWritten, told);
    });
  }

  sync(): Promise<void> {
    return attempt("sync", this.#path, () => syncContent(this.#handle));
  }

  async truncate(size: number): Promise<void> {
    await attempt("truncate", this.#path, () => this.#handle.truncate(size));
    this.#size = size;
  }

  async close(): Promise<void> {
    await attempt("close", this.#path, () => this.#handle.close());
    if (this.#writer !== this.#handle) await attempt("close", this.#path, () => this.#writer.close());
  }
}

interface Told {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** By a callback, as writes. */
function syncContent({ fd }: FileHandle): Promise<void> {
  return new Promise((resolve, reject) =>
    fdatasync(fd, (error) => (error === null ? resolve() : reject(error))),
  );
}

export async function attempt<T>(action: string, path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    throw storageFailure(action, path, cause);
  }
}
