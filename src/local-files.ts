/**
 * Files that users name: imports, configuration, expressions. The second door to node:fs; what the database
 * itself stores goes through storage/fs.
 */

import { createReadStream } from "node:fs";
import { access, constants, readFile, stat } from "node:fs/promises";
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

async function* piecesOf(path: string, pieceSizeBytes: number): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: pieceSizeBytes });
  } catch (cause) {
    throw storageFailure("read", path, cause);
  }
}
