/**
 * writeSnapshot: a data directory of its own with everything that is readable now: blocks by hard links, which
 * cost no space, the head as blocks, and copies of the journals.
 *
 * Steps: everything is made and synced under a temporary name; the rename is the commit point. What the new
 * directory shares with the old one never changes: a block's files are only ever replaced as a whole.
 */

import { InvalidArgumentError } from "../../model/errors.js";
import type { Series } from "../../model/series.js";
import { type BlockMeta, encodeBlockMeta } from "../block/block-meta.js";
import type { BlockReader } from "../block/block-reader.js";
import { type CutOptions, cutBlocks } from "../compaction/cut-blocks.js";
import { writeFileAtomically } from "../fs/atomic-write.js";
import {
  blockPath,
  CHUNKS_NAME,
  INDEX_NAME,
  joinPath,
  metaPath,
  parentPath,
  TOMBSTONES_NAME,
  temporaryPath,
} from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { makeDurableDirectory } from "../fs/make-durable-directory.js";
import { isNotFound } from "../fs/storage-failure.js";
import { copyJournals } from "../journal.js";

export interface SnapshotParts extends CutOptions {
  readonly fileSystem: FileSystem;
  /** The directory of which it is made. */
  readonly source: string;
  readonly blocks: readonly BlockReader[];
  /** In label order. */
  readonly headSeries: readonly Series[];
}

/** `directory` must not exist, or be empty. When it rejects, nothing is there but perhaps a temporary directory. */
export async function writeSnapshot(parts: SnapshotParts, directory: string): Promise<readonly BlockMeta[]> {
  const { fileSystem, source, blocks, headSeries, newUlid } = parts;
  await assertVacant(fileSystem, directory);
  // A name that nobody has: beside a directory of the user's choice may stand others of his.
  const staging = temporaryPath(`${directory}-${newUlid()}`);
  await makeDurableDirectory(fileSystem, parentPath(directory));
  await fileSystem.makeDirectory(staging);
  try {
    for (const block of blocks)
      await linkBlock(fileSystem, block.directory, blockPath(staging, block.meta.ulid), block.meta);
    const metas = await cutBlocks(fileSystem, staging, headSeries, parts);
    // Behind the samples that were made of them: what was counted may not be there yet, but never the other way round.
    await copyJournals(fileSystem, source, staging);
    await fileSystem.syncDirectory(staging);
    await fileSystem.rename(staging, directory);
    await fileSystem.syncDirectory(parentPath(directory));
    return [...blocks.map(({ meta }) => meta), ...metas];
  } catch (error) {
    // What stays has a temporary name; the first error is the one to tell.
    await fileSystem.remove(staging).catch(() => undefined);
    throw error;
  }
}

/**
 * Gives the files of a block second names under `target`, durably, with a meta.json of its own. What a block says
 * of the log of its database (`BlockMeta.narthex`) means nothing anywhere else and is left out.
 */
export async function linkBlock(
  fileSystem: FileSystem,
  source: string,
  target: string,
  { narthex: _, ...meta }: BlockMeta,
): Promise<void> {
  const chunks = joinPath(target, CHUNKS_NAME);
  await fileSystem.makeDirectory(chunks);
  for (const name of await fileSystem.list(joinPath(source, CHUNKS_NAME)))
    await fileSystem.link(joinPath(source, CHUNKS_NAME, name), joinPath(chunks, name));
  await fileSystem.link(joinPath(source, INDEX_NAME), joinPath(target, INDEX_NAME));
  try {
    await fileSystem.link(joinPath(source, TOMBSTONES_NAME), joinPath(target, TOMBSTONES_NAME));
  } catch (error) {
    // An absent file is an empty one.
    if (!isNotFound(error)) throw error;
  }
  await fileSystem.syncDirectory(chunks);
  // Syncs the directory as well.
  await writeFileAtomically(fileSystem, metaPath(target), encodeBlockMeta(meta));
}

async function assertVacant(fileSystem: FileSystem, directory: string): Promise<void> {
  try {
    const names = await fileSystem.list(directory);
    if (names.length > 0) throw new InvalidArgumentError(`${directory} exists already, and is not empty`);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
