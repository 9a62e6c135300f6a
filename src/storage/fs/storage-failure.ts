/**
 * What the system's errors are called: from an error of node:fs to a StorageError that reads as a sentence.
 */

import { DiskFullError, StorageError, WriteRefusedError } from "../../model/errors.js";

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "it is in use",
  EEXIST: "it exists already",
  EIO: "the device reports an input/output error",
  EISDIR: "it is a directory",
  EMFILE: "too many files are open",
  ENOENT: "no such file or directory",
  ENOSPC: "no space is left on the device",
  ENOTDIR: "a part of the path is not a directory",
  EDQUOT: "the disk quota is used up",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
};

/** `action` is a verb that takes the path, as "open". */
export function storageFailure(action: string, path: string, cause: unknown): StorageError {
  const code = systemErrorCode(cause);
  const reason = (code && reasons[code]) ?? (cause instanceof Error ? cause.message : String(cause));
  const Failure = code === "ENOSPC" || code === "EDQUOT" ? DiskFullError : StorageError;
  return new Failure(`cannot ${action} ${path}: ${reason}`, { cause });
}

/** The code of a system error ("ENOENT"), also when it is the cause of a StorageError. */
export function systemErrorCode(error: unknown): string | undefined {
  const system = error instanceof StorageError ? error.cause : error;
  const code = system instanceof Error && "code" in system ? system.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** For a write that was taken back after `cause`: nothing of it is there. */
export function writeRefusal(cause: unknown): WriteRefusedError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const kind = cause instanceof DiskFullError ? "no space left" : "a write was refused";
  return new WriteRefusedError(`${kind}: ${reason}; nothing was stored, try again later`, { cause });
}

/** Whether an error says that a file or directory does not exist. */
export function isNotFound(error: unknown): boolean {
  return systemErrorCode(error) === "ENOENT";
}
