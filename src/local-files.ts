/**
 * Files that users name: imports, exports, configuration, expressions. The second door to node:fs; what the database
 * itself stores goes through storage/fs.
 */

import { createReadStream, createWriteStream, watch } from "node:fs";
import { access, constants, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { TsdbError } from "./model/errors.js";
import { storageFailure, systemErrorCode } from "./storage/fs/storage-failure.js";

/** A file being read: the bytes as they come, each piece valid until the next is asked for. */
export interface FileStream {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
}

/** The whole file as UTF-8, without a byte order mark. */
export async function readTextFile(path: string): Promise<string> {
  try {
    const text = await readFile(path, "utf8");
    return text.startsWith("\ufeff") ? text.slice(1) : text;
  } catch (cause) {
    throw storageFailure("read", path, cause);
  }
}

/** Opens a file to be read once from its start. What goes wrong later is thrown by the iteration. */
export async function openFileStream(path: string): Promise<FileStream> {
  const pieceSizeBytes = 256 * 1024;
  try {
    const entry = await stat(path);
    if (entry.isDirectory()) throw Object.assign(new TypeError("a directory"), { code: "EISDIR" });
    await access(path, constants.R_OK);
    return { stream: piecesOf(path, pieceSizeBytes), sizeBytes: entry.size };
  } catch (cause) {
    throw storageFailure("read", path, cause);
  }
}

/** What changes when a file is written or replaced. */
export interface FileVersion {
  readonly sizeBytes: number;
  /** With a fraction. */
  readonly modifiedMs: number;
  readonly inode: number;
}

export async function fileVersion(path: string): Promise<FileVersion> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    return { sizeBytes: size, modifiedMs: mtimeMs, inode: ino };
  } catch (cause) {
    throw storageFailure("read", path, cause);
  }
}

/** Names in a directory, sorted; none when it does not exist. */
export async function listFiles(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (cause) {
    if (systemErrorCode(cause) === "ENOENT") return [];
    throw storageFailure("list", directory, cause);
  }
}

/**
 * Calls `onChange` when something in the directory may have changed, until the returned function is called. Nothing
 * is promised: a directory that does not exist is not watched.
 */
export function watchDirectory(directory: string, onChange: () => void): () => void {
  try {
    const watcher = watch(directory, { persistent: false }, onChange);
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    return () => {};
  }
}

export async function fileExists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw storageFailure("look for", path, cause);
  }
}

/** False for what is not there. */
export async function isDirectory(path: string): Promise<boolean> {
  return (await fileExists(path)) && (await stat(path)).isDirectory();
}

/** Writes a file, or replaces it; compressed when its name ends in `.gz`. It appears when it is complete. */
export async function writeFileStream(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = createWriteStream(temporary);
    if (path.endsWith(".gz")) await pipeline(Readable.from(bytes), createGzip(), file);
    else await pipeline(Readable.from(bytes), file);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    const isOurs = cause instanceof TsdbError || systemErrorCode(cause) === undefined;
    throw isOurs ? cause : storageFailure("write", path, cause);
  }
}

async function* piecesOf(path: string, pieceSizeBytes: number): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: pieceSizeBytes });
  } catch (cause) {
    throw storageFailure("read", path, cause);
  }
}
