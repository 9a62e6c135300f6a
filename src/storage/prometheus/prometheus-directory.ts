/**
 * Names in the data folder of a Prometheus, and how such a folder is told from one of ours.
 *
 *   FOLDER/
 *     01J.../                     blocks, as ours
 *     wal/00000000 ...            segments of its write-ahead log, counted from 0 (segment-pages.ts)
 *     wal/checkpoint.00000003/    a directory of segments: what those up to 3 still say
 *     wbl/00000000 ...            the log of out-of-order samples, in the same format
 *     chunks_head/000001 ...      closed chunks of its head (head-chunk-file.ts)
 *     lock, queries.active        of the running process
 *
 * Source: Prometheus `tsdb/docs/format/README.md`, `tsdb/db.go`.
 */

import { joinPath, WAL_NAME } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { isNotFound } from "../fs/storage-failure.js";

const WBL_NAME = "wbl";
const HEAD_CHUNKS_NAME = "chunks_head";

/** Whether the folder has the head of a Prometheus: a log or head chunks. Blocks alone are anybody's. */
export async function hasPrometheusHead(fileSystem: FileSystem, directory: string): Promise<boolean> {
  const names = await listOrNothing(fileSystem, directory);
  if (names.includes(`${HEAD_CHUNKS_NAME}/`)) return true;
  // Our segments count from 1, and our checkpoints are files.
  const walNames = await listOrNothing(fileSystem, joinPath(directory, WAL_NAME));
  return walNames.some((name) => name === "00000000" || checkpointOfName(name) !== undefined);
}

/** The segments of the log in the order in which they are to be read: the last checkpoint, then what is behind it. */
export async function walSegments(fileSystem: FileSystem, directory: string): Promise<readonly string[]> {
  const wal = joinPath(directory, WAL_NAME);
  const names = await listOrNothing(fileSystem, wal);
  const checkpoints = names.map(checkpointOfName).filter((number) => number !== undefined);
  const last = checkpoints.length === 0 ? -1 : Math.max(...checkpoints);
  const checkpoint = names.find((name) => checkpointOfName(name) === last);
  const summary =
    checkpoint === undefined ? [] : await numbered(fileSystem, joinPath(wal, checkpoint.slice(0, -1)));
  const behind = await numbered(fileSystem, wal);
  return [...summary, ...behind.filter((path) => numberOf(path) > last)];
}

export function wblSegments(fileSystem: FileSystem, directory: string): Promise<readonly string[]> {
  return numbered(fileSystem, joinPath(directory, WBL_NAME));
}

export function headChunkFiles(fileSystem: FileSystem, directory: string): Promise<readonly string[]> {
  return numbered(fileSystem, joinPath(directory, HEAD_CHUNKS_NAME));
}

/** Paths of the files whose names are numbers, in their order. */
async function numbered(fileSystem: FileSystem, directory: string): Promise<readonly string[]> {
  const names = (await listOrNothing(fileSystem, directory)).filter((name) => /^\d+$/.test(name));
  return names.sort((a, b) => Number(a) - Number(b)).map((name) => joinPath(directory, name));
}

function numberOf(path: string): number {
  return Number(path.slice(path.lastIndexOf("/") + 1));
}

function checkpointOfName(name: string): number | undefined {
  return /^checkpoint\.\d{6,}\/$/.test(name) ? Number(name.slice("checkpoint.".length, -1)) : undefined;
}

async function listOrNothing(fileSystem: FileSystem, directory: string): Promise<readonly string[]> {
  try {
    return await fileSystem.list(directory);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
