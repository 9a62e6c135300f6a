/**
 * The files of the WAL directory: which count, and which are leftovers.
 *
 * Invariant: checkpoint N stands for every segment up to N; when it exists these segments, and earlier
 * checkpoints, are leftovers of a removal that a crash cut short.
 */

import {
  checkpointOfName,
  checkpointPath,
  isTemporaryName,
  joinPath,
  segmentName,
  segmentOfName,
  segmentPath,
} from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { isNotFound } from "../fs/storage-failure.js";
import type { WalFileIdentity } from "./wal-format.js";

export interface WalListing {
  /** Segments behind the checkpoint, ascending. */
  readonly segments: readonly number[];
  /** The last segment that the newest checkpoint stands for; 0 without one. */
  readonly checkpoint: number;
  /** Names of files that no longer count, in the order in which they may be removed. */
  readonly leftovers: readonly string[];
}

export function walFilePath(directory: string, { kind, number }: WalFileIdentity): string {
  return kind === "segment" ? segmentPath(directory, number) : checkpointPath(directory, number);
}

/** An absent directory is an empty one. */
export async function listWalDirectory(fileSystem: FileSystem, directory: string): Promise<WalListing> {
  const names = await listNames(fileSystem, directory);
  const checkpoint = Math.max(0, ...names.map((name) => checkpointOfName(name) ?? 0));
  const segments: number[] = [];
  const leftovers: string[] = [];
  for (const name of names) {
    const segment = segmentOfName(name);
    const isLeftover =
      isTemporaryName(name) ||
      (checkpointOfName(name) ?? checkpoint) < checkpoint ||
      (segment ?? Infinity) <= checkpoint;
    if (isLeftover) leftovers.push(name);
    else if (segment !== undefined) segments.push(segment);
  }
  segments.sort((a, b) => a - b);
  return { segments, checkpoint, leftovers };
}

/** Removes segments that a checkpoint or blocks have taken over, and what else does not count any more. */
export async function removeSegments(
  fileSystem: FileSystem,
  directory: string,
  segments: readonly number[],
): Promise<void> {
  const ascending = [...segments].sort((a, b) => a - b);
  await removeInOrder(fileSystem, directory, ascending.map(segmentName));
  const { leftovers } = await listWalDirectory(fileSystem, directory);
  await removeInOrder(
    fileSystem,
    directory,
    leftovers.filter((name) => !isTemporaryName(name)),
  );
}

/**
 * Removes files one by one, each durably before the next: a crash leaves the later ones, never a gap that would
 * look like a lost segment.
 */
export async function removeInOrder(
  fileSystem: FileSystem,
  directory: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    await fileSystem.remove(joinPath(directory, name));
    await fileSystem.syncDirectory(directory);
  }
}

async function listNames(fileSystem: FileSystem, directory: string): Promise<readonly string[]> {
  try {
    return await fileSystem.list(directory);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
