/**
 * Names of the data directory: every file and directory in it, how its path is built and how it is recognised.
 *
 *   DIRECTORY/
 *     lock                        the process that has the directory (directory-lock.ts)
 *     wal/00000001 ...            segments of the write-ahead log
 *     wal/checkpoint.00000001     what segments up to 1 still say
 *     01J.../                     a block: 26 characters of a ULID
 *       meta.json  index  tombstones  chunks/000001 ...
 *     journals/NAME/              a journal (journal.ts): segments and checkpoints as in wal/
 *     snapshots/NAME/             a snapshot: a data directory of its own, without a log
 *     head-chunks.tmp             what of the head is not in memory (head/slabs.ts); without this name where that is possible
 *     *.tmp                       unfinished work of any of these: removed at open
 */

export const LOCK_NAME = "lock";
export const WAL_NAME = "wal";
export const META_NAME = "meta.json";
export const INDEX_NAME = "index";
export const TOMBSTONES_NAME = "tombstones";
export const CHUNKS_NAME = "chunks";
export const JOURNALS_NAME = "journals";
export const SNAPSHOTS_NAME = "snapshots";
export const TEMPORARY_SUFFIX = ".tmp";

export function joinPath(...parts: readonly string[]): string {
  return parts.join("/");
}

/** The directory that holds `path`; "." for a bare name. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
}

export function temporaryPath(path: string): string {
  return path + TEMPORARY_SUFFIX;
}

/** Also recognises directories, which `FileSystem.list` ends in "/". */
export function isTemporaryName(name: string): boolean {
  return name.endsWith(TEMPORARY_SUFFIX) || name.endsWith(`${TEMPORARY_SUFFIX}/`);
}

export function lockPath(directory: string): string {
  return joinPath(directory, LOCK_NAME);
}

export function headScratchPath(directory: string): string {
  return joinPath(directory, temporaryPath("head-chunks"));
}

export function walPath(directory: string): string {
  return joinPath(directory, WAL_NAME);
}

export function journalPath(directory: string, name: string): string {
  return joinPath(directory, JOURNALS_NAME, name);
}

/** `walDirectory` is what `walPath` gives. Segments count from 1. */
export function segmentPath(walDirectory: string, segment: number): string {
  return joinPath(walDirectory, segmentName(segment));
}

export function segmentName(segment: number): string {
  return eightDigits(segment);
}

export function checkpointPath(walDirectory: string, upToSegment: number): string {
  return joinPath(walDirectory, `checkpoint.${eightDigits(upToSegment)}`);
}

/** The number of a WAL segment, undefined for any other name. */
export function segmentOfName(name: string): number | undefined {
  return /^\d{8,}$/.test(name) ? Number(name) : undefined;
}

/** The last segment that a checkpoint stands for, undefined for any other name. */
export function checkpointOfName(name: string): number | undefined {
  return /^checkpoint\.\d{8,}$/.test(name) ? Number(name.slice("checkpoint.".length)) : undefined;
}

export function blockPath(directory: string, ulid: string): string {
  return joinPath(directory, ulid);
}

/** The ULID of a block directory as `FileSystem.list` names it ("01J.../"), undefined for any other name. */
export function blockOfName(name: string): string | undefined {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}\/$/.test(name) ? name.slice(0, -1) : undefined;
}

export function snapshotPath(directory: string, name: string): string {
  return joinPath(directory, SNAPSHOTS_NAME, name);
}

export function metaPath(blockDirectory: string): string {
  return joinPath(blockDirectory, META_NAME);
}

export function indexPath(blockDirectory: string): string {
  return joinPath(blockDirectory, INDEX_NAME);
}

export function tombstonesPath(blockDirectory: string): string {
  return joinPath(blockDirectory, TOMBSTONES_NAME);
}

export function chunksPath(blockDirectory: string): string {
  return joinPath(blockDirectory, CHUNKS_NAME);
}

/** Chunk files count from 1. */
export function chunkFilePath(blockDirectory: string, number: number): string {
  return joinPath(blockDirectory, CHUNKS_NAME, String(number).padStart(6, "0"));
}

/** The number of a chunk file, undefined for any other name. */
export function chunkFileOfName(name: string): number | undefined {
  return /^\d{6,}$/.test(name) ? Number(name) : undefined;
}

function eightDigits(number: number): string {
  return String(number).padStart(8, "0");
}
