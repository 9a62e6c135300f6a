/**
 * writeBlock: series in label order to a block directory, all of it or nothing.
 *
 * Steps: everything is written and synced under a temporary name; the rename is the commit point; the parent
 * directory is synced. `stageBlock` and `publishBlocks` are the two halves, for many blocks at once.
 *
 * Memory: what the index is to say (see IndexContent); chunk bytes go to the file as they come.
 */

import { assert } from "../../model/assert.js";
import type { Labels } from "../../model/labels.js";
import type { TimeRange } from "../../model/sample.js";
import { CHUNK_DENSE, type EncodedChunk } from "../../model/series.js";
import { createDurably, writeFileAtomically } from "../fs/atomic-write.js";
import {
  blockPath,
  CHUNKS_NAME,
  chunksPath,
  indexPath,
  joinPath,
  metaPath,
  temporaryPath,
  tombstonesPath,
} from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { IndexContent } from "../index/index-content.js";
import { writeIndex } from "../index/index-writer.js";
import { META_VERSION } from "./block-format.js";
import {
  type BlockMeta,
  type BlockOrigin,
  type BlockParent,
  type BlockStats,
  encodeBlockMeta,
  halfOpen,
} from "./block-meta.js";
import { ChunkFileWriter } from "./chunk-file-writer.js";
import { encodeTombstones, NO_TOMBSTONES } from "./tombstones.js";

/** One series of a block: chunks in time order, not overlapping. Without chunks it is left out. */
export interface BlockSeries {
  readonly labels: Labels;
  readonly chunks: readonly EncodedChunk[];
}

export interface BlockContent {
  readonly ulid: string;
  /** Holds the times of all samples; both ends inclusive. */
  readonly range: TimeRange;
  /** In label order, each label set once. Taken one by one, once. */
  readonly series: Iterable<BlockSeries> | AsyncIterable<BlockSeries>;
  /** Default 1: cut from samples. */
  readonly level?: number;
  /** Default the block itself. */
  readonly sources?: readonly string[];
  /** The blocks that it replaces. Default none. */
  readonly parents?: readonly BlockParent[];
  /** Further members of meta.json. */
  readonly extra?: { readonly narthex?: BlockOrigin };
}

/** Writes a block into `directory`. When it rejects, nothing is visible. */
export async function writeBlock(
  fileSystem: FileSystem,
  directory: string,
  content: BlockContent,
): Promise<BlockMeta> {
  const meta = await stageBlock(fileSystem, directory, content);
  await publishBlocks(fileSystem, directory, [meta]);
  return meta;
}

/** Writes a block, durably, under its temporary name. Removes what it has written when it rejects. */
export async function stageBlock(
  fileSystem: FileSystem,
  directory: string,
  content: BlockContent,
): Promise<BlockMeta> {
  const staging = temporaryPath(blockPath(directory, content.ulid));
  try {
    await fileSystem.makeDirectory(joinPath(staging, CHUNKS_NAME));
    const meta = await writeFiles(fileSystem, staging, content);
    await fileSystem.syncDirectory(chunksPath(staging));
    await fileSystem.syncDirectory(staging);
    return meta;
  } catch (error) {
    await discardBlocks(fileSystem, directory, [content]);
    throw error;
  }
}

/**
 * Makes staged blocks visible. A crash between two renames leaves each block whole, or still temporary; when it
 * rejects, what is still temporary is removed.
 */
export function publishBlocks(
  fileSystem: FileSystem,
  directory: string,
  blocks: readonly { readonly ulid: string }[],
): Promise<void> {
  const ulids = blocks.map(({ ulid }) => ulid);
  return renameStaged(fileSystem, directory, blocks, ulids);
}

/** As publishBlocks, but under other names, one for each block in their order: blocks that replace no others. */
export async function publishBlocksAs(
  fileSystem: FileSystem,
  directory: string,
  blocks: readonly BlockMeta[],
  ulids: readonly string[],
): Promise<void> {
  try {
    for (const [i, meta] of blocks.entries()) {
      const ulid = ulids[i]!;
      const named = { ...meta, ulid, compaction: { level: meta.compaction.level, sources: [ulid] } };
      const staging = temporaryPath(blockPath(directory, meta.ulid));
      await writeFileAtomically(fileSystem, metaPath(staging), encodeBlockMeta(named));
    }
  } catch (error) {
    await discardBlocks(fileSystem, directory, blocks);
    throw error;
  }
  await renameStaged(fileSystem, directory, blocks, ulids);
}

async function renameStaged(
  fileSystem: FileSystem,
  directory: string,
  blocks: readonly { readonly ulid: string }[],
  ulids: readonly string[],
): Promise<void> {
  if (blocks.length === 0) return;
  try {
    for (const [i, { ulid }] of blocks.entries())
      await fileSystem.rename(temporaryPath(blockPath(directory, ulid)), blockPath(directory, ulids[i]!));
    await fileSystem.syncDirectory(directory);
  } catch (error) {
    await discardBlocks(fileSystem, directory, blocks);
    throw error;
  }
}

/** Removes staged blocks as far as that is possible: what stays has a temporary name and goes at the next open. */
export async function discardBlocks(
  fileSystem: FileSystem,
  directory: string,
  blocks: readonly { readonly ulid: string }[],
): Promise<void> {
  const removals = blocks.map(({ ulid }) => fileSystem.remove(temporaryPath(blockPath(directory, ulid))));
  await Promise.allSettled(removals);
}

async function writeFiles(
  fileSystem: FileSystem,
  staging: string,
  content: BlockContent,
): Promise<BlockMeta> {
  const { index, stats } = await writeChunks(fileSystem, staging, content);
  assert(stats.numSeries > 0, "a block has at least one sample");
  await createDurably(fileSystem, indexPath(staging), (file) =>
    writeIndex(index, (bytes) => file.write(bytes)),
  );
  await createDurably(fileSystem, tombstonesPath(staging), (file) =>
    file.write(encodeTombstones(NO_TOMBSTONES)),
  );
  const meta: BlockMeta = {
    ulid: content.ulid,
    ...halfOpen(content.range),
    stats,
    compaction: {
      level: content.level ?? 1,
      sources: content.sources ?? [content.ulid],
      ...(content.parents === undefined ? {} : { parents: content.parents }),
    },
    version: META_VERSION,
    ...content.extra,
  };
  await createDurably(fileSystem, metaPath(staging), (file) => file.write(encodeBlockMeta(meta)));
  return meta;
}

async function writeChunks(
  fileSystem: FileSystem,
  staging: string,
  { series, range }: BlockContent,
): Promise<{ index: IndexContent; stats: BlockStats }> {
  const writer = new ChunkFileWriter(fileSystem, staging);
  const index = new IndexContent();
  let numSamples = 0;
  let numChunks = 0;
  let numDenseChunks = 0;
  try {
    for await (const { labels, chunks } of series) {
      if (chunks.length === 0) continue;
      assert(
        chunks[0]!.minTime >= range.minTime && chunks.at(-1)!.maxTime <= range.maxTime,
        "the samples of a block lie in its range",
      );
      index.add({ labels, chunks: await writer.write(chunks) });
      numChunks += chunks.length;
      for (const { count, encoding } of chunks) {
        numSamples += count;
        if (encoding === CHUNK_DENSE) numDenseChunks++;
      }
    }
    await writer.finish();
  } finally {
    await writer.close();
  }
  const stats = { numSamples, numSeries: index.seriesCount, numChunks };
  return { index, stats: numDenseChunks === 0 ? stats : { ...stats, numDenseChunks } };
}
