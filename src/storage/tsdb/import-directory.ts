/**
 * importDirectory: the samples of another data directory, ours or a Prometheus', which is only read.
 *
 * Blocks are linked (or copied, from another device) as they are, tombstones included, under new names: what is
 * there already counts before what is imported, and nothing that the other directory says of its own log or of
 * blocks that it replaced applies here. What is not in blocks yet, heads and logs, goes through the bulk appender.
 * A block that cannot be read is told and left out.
 */

import { InvalidArgumentError, TsdbError } from "../../model/errors.js";
import { ALL_TIME, type TimestampMs } from "../../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../../model/series.js";
import { isStaleAt } from "../../model/staleness.js";
import { type BlockMeta, blockTimeRange } from "../block/block-meta.js";
import { BlockReader } from "../block/block-reader.js";
import { discardBlocks } from "../block/block-writer.js";
import type { UlidSource } from "../block/ulid.js";
import { decodeChunk } from "../chunk/encode-chunks.js";
import type { BulkAppender } from "../compaction/bulk-appender.js";
import { blockOfName, blockPath, metaPath, temporaryPath, walPath } from "../fs/data-directory.js";
import { acquireDirectoryLock } from "../fs/directory-lock.js";
import type { FileSystem } from "../fs/file-system.js";
import type { ProcessTable } from "../fs/process-table.js";
import { isNotFound } from "../fs/storage-failure.js";
import { HeadQuerier } from "../head/head-querier.js";
import { replayHead } from "../head/head-replay.js";
import { hasPrometheusHead } from "../prometheus/prometheus-directory.js";
import { readPrometheusHead } from "../prometheus/read-prometheus-head.js";
import { linkBlock } from "./snapshot.js";

export interface ImportTarget {
  readonly fileSystem: FileSystem;
  readonly processes: ProcessTable;
  /** Where blocks go. */
  readonly directory: string;
  readonly newUlid: UlidSource;
  bulkAppender(): BulkAppender;
  /** Renames staged blocks and makes them visible. */
  publish(metas: readonly BlockMeta[]): Promise<void>;
}

export interface DirectoryImport {
  /** Blocks taken over as they are. */
  readonly blocks: number;
  /** Samples in them, deleted ones included. */
  readonly blockSamples: number;
  /** Samples that were not in blocks yet. */
  readonly headSamples: number;
  /** What could not be read, as sentences. */
  readonly losses: readonly string[];
}

/** Rejects, and has then imported nothing, or the head but not the blocks when publishing these failed. */
export async function importDirectory(target: ImportTarget, source: string): Promise<DirectoryImport> {
  const { fileSystem, processes, directory } = target;
  const losses: string[] = [];
  const isPrometheus = await hasPrometheusHead(fileSystem, source);
  // A Prometheus locks its folder in its own way, which nobody but it can see.
  const lock = (await hasOwnLog(fileSystem, source, isPrometheus))
    ? await acquireDirectoryLock(fileSystem, source, processes)
    : undefined;
  const staged: BlockMeta[] = [];
  try {
    const blocks = await readableBlocks(fileSystem, source, losses);
    for (const block of blocks) staged.push(await stageLinked(target, block));
    const headSamples = await importHead(target, { source, isPrometheus, blocks, losses });
    if (staged.length === 0 && headSamples === 0 && losses.length === 0)
      throw new InvalidArgumentError(`${source} has neither blocks nor a log of samples`);
    await target.publish(staged);
    const blockSamples = blocks.reduce((sum, { meta }) => sum + meta.stats.numSamples, 0);
    return { blocks: staged.length, blockSamples, headSamples, losses };
  } catch (error) {
    await discardBlocks(fileSystem, directory, staged);
    throw error;
  } finally {
    await lock?.release();
  }
}

/** A snapshot has no log, and may be on a medium that cannot be written to. */
async function hasOwnLog(fileSystem: FileSystem, source: string, isPrometheus: boolean): Promise<boolean> {
  if (isPrometheus) return false;
  try {
    return (await fileSystem.list(walPath(source))).length > 0;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** A block of the other directory, closed again. */
interface SourceBlock {
  readonly directory: string;
  readonly meta: BlockMeta;
}

/** Blocks whose every checksum holds, without those that another one replaces. */
async function readableBlocks(
  fileSystem: FileSystem,
  source: string,
  losses: string[],
): Promise<readonly SourceBlock[]> {
  const blocks: SourceBlock[] = [];
  for (const name of await fileSystem.list(source)) {
    const ulid = blockOfName(name);
    if (ulid === undefined) continue;
    const path = blockPath(source, ulid);
    try {
      blocks.push({ directory: path, meta: await verifiedMeta(fileSystem, path) });
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      losses.push(`the block ${path} cannot be read and was left out: ${error.message}`);
    }
  }
  const replaced = new Set(
    blocks.flatMap(({ meta }) => meta.compaction.parents ?? []).map(({ ulid }) => ulid),
  );
  return blocks.filter(({ meta }) => !replaced.has(meta.ulid) && meta.stats.numSamples > 0);
}

async function verifiedMeta(fileSystem: FileSystem, path: string): Promise<BlockMeta> {
  const block = await BlockReader.open(fileSystem, path);
  try {
    await block.verify();
    return block.meta;
  } finally {
    await block.close();
  }
}

async function stageLinked(
  { fileSystem, directory, newUlid }: ImportTarget,
  { directory: source, meta }: SourceBlock,
): Promise<BlockMeta> {
  const ulid = newUlid();
  const { minTime, maxTime, stats, version } = meta;
  const linked: BlockMeta = {
    ulid,
    minTime,
    maxTime,
    stats,
    compaction: { level: meta.compaction.level, sources: [ulid] },
    version,
  };
  const path = temporaryPath(blockPath(directory, ulid));
  try {
    await linkBlock(fileSystem, source, path, linked);
  } catch (error) {
    await discardBlocks(fileSystem, directory, [linked]);
    throw error;
  }
  return linked;
}

interface HeadSource {
  readonly source: string;
  readonly isPrometheus: boolean;
  readonly blocks: readonly SourceBlock[];
  readonly losses: string[];
}

/** Returns the count of samples. */
async function importHead(target: ImportTarget, from: HeadSource): Promise<number> {
  const { fileSystem } = target;
  const appender = target.bulkAppender();
  try {
    if (from.isPrometheus) {
      await readPrometheusHead(fileSystem, from.source, {
        inOrderMinTime: await inOrderEnd(fileSystem, from.blocks),
        appender,
        onLoss: (sentence) => from.losses.push(sentence),
      });
    } else await readOwnHead(fileSystem, from, appender);
    return (await appender.commit()).appended;
  } catch (error) {
    appender.rollback();
    await Promise.allSettled([appender.drain()]);
    throw error;
  }
}

/** Where the blocks end that Prometheus did not make of out-of-order samples. */
async function inOrderEnd(fileSystem: FileSystem, blocks: readonly SourceBlock[]): Promise<TimestampMs> {
  let end = -Infinity;
  for (const { directory, meta } of blocks) {
    const text = new TextDecoder().decode(await fileSystem.readFile(metaPath(directory)));
    // Under compaction.hints, which mean nothing to us otherwise.
    if (!text.includes('"from-out-of-order"')) end = Math.max(end, meta.maxTime);
  }
  return end;
}

async function readOwnHead(
  fileSystem: FileSystem,
  { source, blocks, losses }: HeadSource,
  appender: BulkAppender,
): Promise<void> {
  const held = blocks.flatMap(({ meta }) =>
    meta.narthex === undefined ? [] : [{ range: blockTimeRange(meta), walSegment: meta.narthex.walSegment }],
  );
  const { head, summary } = await replayHead(fileSystem, walPath(source), held);
  for (const { file, offset, message } of summary.corruptions)
    losses.push(`${file} at byte ${offset}: ${message}`);
  for (const { labels, chunks } of await new HeadQuerier(head, ALL_TIME).select([])) {
    let ref: SeriesRef = NO_SERIES;
    for (const { times, values, length } of chunks.map(decodeChunk)) {
      for (let i = 0; i < length; i++) {
        ref = isStaleAt(values, i)
          ? appender.appendStale(ref, labels, times[i]!)
          : appender.append(ref, labels, times[i]!, values[i]!);
      }
    }
    await appender.drain();
  }
}
