/**
 * importDirectory: the samples of another data directory, ours or a Prometheus', which is only read.
 *
 * Blocks are linked (or copied, from another device) as they are, tombstones included, under new names: what is
 * there already counts before what is imported, and nothing that the other directory says of its own log or of
 * blocks that it replaced applies here. Of a block that is broken, all that can be read is written anew, as it is of
 * what is not in blocks yet, heads and logs; what cannot be read is told and left out.
 */

import { InvalidArgumentError, TsdbError } from "../../model/errors.js";
import { ALL_TIME, type TimeRange, type TimestampMs } from "../../model/sample.js";
import { NO_SERIES } from "../../model/series.js";
import { type BlockMeta, blockTimeRange } from "../block/block-meta.js";
import { BlockReader } from "../block/block-reader.js";
import { discardBlocks } from "../block/block-writer.js";
import { inPrecedence } from "../block/open-blocks.js";
import type { UlidSource } from "../block/ulid.js";
import { decodeChunk } from "../chunk/encode-chunks.js";
import type { BulkAppender } from "../compaction/bulk-appender.js";
import { blockOfName, blockPath, metaPath, temporaryPath, walPath } from "../fs/data-directory.js";
import { lockForReading } from "../fs/directory-lock.js";
import type { FileSystem } from "../fs/file-system.js";
import type { ProcessTable } from "../fs/process-table.js";
import { isNotFound } from "../fs/storage-failure.js";
import { HeadQuerier } from "../head/head-querier.js";
import { replayHead } from "../head/head-replay.js";
import { hasPrometheusHead } from "../prometheus/prometheus-directory.js";
import { readPrometheusHead } from "../prometheus/read-prometheus-head.js";
import { appendSamples } from "./append-samples.js";
import { salvageBlock } from "./salvage-block.js";
import { linkBlock } from "./snapshot.js";

export interface ImportTarget {
  readonly fileSystem: FileSystem;
  readonly processes: ProcessTable;
  /** Where blocks go. */
  readonly directory: string;
  readonly newUlid: UlidSource;
  /** Throws ClosedError once the database is being closed: nothing more is to be read or written then. */
  assertOpen(): void;
  bulkAppender(): BulkAppender;
  /** Renames staged blocks and makes them visible. */
  publish(metas: readonly BlockMeta[]): Promise<void>;
}

export interface DirectoryImport {
  /** Blocks taken over as they are. */
  readonly blocks: number;
  /** Samples in them, deleted ones included. */
  readonly blockSamples: number;
  /** Samples of blocks that are broken in part, which were written anew. */
  readonly salvagedSamples: number;
  /** Samples that were not in blocks yet. */
  readonly headSamples: number;
  /** What could not be read, as sentences. */
  readonly losses: readonly string[];
}

/** Rejects, and has then imported nothing, or whole blocks but not the rest when committing this failed. */
export async function importDirectory(target: ImportTarget, source: string): Promise<DirectoryImport> {
  const { fileSystem, processes } = target;
  const isPrometheus = await hasPrometheusHead(fileSystem, source);
  // A Prometheus locks its folder in its own way, which nobody but it can see.
  const lock = (await hasOwnLog(fileSystem, source, isPrometheus))
    ? await lockForReading(fileSystem, source, processes)
    : undefined;
  try {
    return await importLocked(target, source, isPrometheus);
  } finally {
    await lock?.release();
  }
}

async function importLocked(
  target: ImportTarget,
  source: string,
  isPrometheus: boolean,
): Promise<DirectoryImport> {
  const { fileSystem, directory } = target;
  const losses: string[] = [];
  const staged: BlockMeta[] = [];
  const salvaged = target.bulkAppender();
  const appender = target.bulkAppender();
  try {
    const { blocks, broken } = await findBlocks(target, source);
    for (const block of blocks) staged.push(await stageLinked(target, block));
    for (const block of broken) losses.push(...(await salvage(target, block, salvaged)));
    await readHead(fileSystem, { source, isPrometheus, blocks, losses }, appender);
    // First the blocks, whose samples count there, too, before those of the head.
    await target.publish(staged);
    const { appended: salvagedSamples } = await salvaged.commit();
    const { appended: headSamples } = await appender.commit();
    if (staged.length === 0 && salvagedSamples + headSamples === 0 && losses.length === 0)
      throw new InvalidArgumentError(`${source} has neither blocks nor a log of samples`);
    const blockSamples = blocks.reduce((sum, { meta }) => sum + meta.stats.numSamples, 0);
    return { blocks: staged.length, blockSamples, salvagedSamples, headSamples, losses };
  } catch (error) {
    for (const each of [salvaged, appender]) each.rollback();
    await Promise.allSettled([salvaged.drain(), appender.drain()]);
    await discardBlocks(fileSystem, directory, staged);
    throw error;
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
  readonly range: TimeRange;
  readonly meta: BlockMeta;
}

interface BrokenBlock {
  readonly ulid: string;
  readonly directory: string;
  readonly error: TsdbError;
}

interface FoundBlocks {
  /** Blocks whose every checksum holds, in order of precedence. */
  readonly blocks: readonly SourceBlock[];
  readonly broken: readonly BrokenBlock[];
}

/** Without those that another one replaces. */
async function findBlocks({ fileSystem, assertOpen }: ImportTarget, source: string): Promise<FoundBlocks> {
  const blocks: SourceBlock[] = [];
  const broken: BrokenBlock[] = [];
  for (const name of await fileSystem.list(source)) {
    const ulid = blockOfName(name);
    if (ulid === undefined) continue;
    assertOpen();
    const path = blockPath(source, ulid);
    try {
      const meta = await verifiedMeta(fileSystem, path);
      blocks.push({ directory: path, range: blockTimeRange(meta), meta });
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      broken.push({ ulid, directory: path, error });
    }
  }
  const replaced = new Set(
    blocks.flatMap(({ meta }) => meta.compaction.parents ?? []).map(({ ulid }) => ulid),
  );
  const whole = blocks.filter(({ meta }) => !replaced.has(meta.ulid) && meta.stats.numSamples > 0);
  return { blocks: inPrecedence(whole), broken: broken.filter(({ ulid }) => !replaced.has(ulid)) };
}

/** Appends what can be read of the block; returns what cannot, as sentences. */
async function salvage(
  { fileSystem, assertOpen }: ImportTarget,
  { directory, error }: BrokenBlock,
  appender: BulkAppender,
): Promise<readonly string[]> {
  assertOpen();
  const block = await openUnlessBroken(fileSystem, directory);
  if (block === undefined)
    return [`the block ${directory} cannot be read and was left out: ${error.message}`];
  try {
    return await salvageBlock(block, { appender, assertOpen });
  } finally {
    await block.close();
  }
}

async function openUnlessBroken(fileSystem: FileSystem, directory: string): Promise<BlockReader | undefined> {
  try {
    return await BlockReader.open(fileSystem, directory);
  } catch (error) {
    if (error instanceof TsdbError) return undefined;
    throw error;
  }
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
  { fileSystem, directory, newUlid, assertOpen }: ImportTarget,
  { directory: source, meta }: SourceBlock,
): Promise<BlockMeta> {
  assertOpen();
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

async function readHead(fileSystem: FileSystem, from: HeadSource, appender: BulkAppender): Promise<void> {
  if (!from.isPrometheus) return readOwnHead(fileSystem, from, appender);
  await readPrometheusHead(fileSystem, from.source, {
    inOrderMinTime: await inOrderEnd(fileSystem, from.blocks),
    appender,
    onLoss: (sentence) => from.losses.push(sentence),
  });
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
  const held = blocks.flatMap(({ meta, range }) =>
    meta.narthex === undefined ? [] : [{ range, walSegment: meta.narthex.walSegment }],
  );
  const { head, summary } = await replayHead(fileSystem, walPath(source), held);
  for (const { file, offset, message } of summary.corruptions)
    losses.push(`${file} at byte ${offset}: ${message}`);
  for (const { labels, chunks } of await new HeadQuerier(head, ALL_TIME).select([])) {
    let ref = NO_SERIES;
    for (const chunk of chunks) ref = appendSamples(appender, { labels, ref }, decodeChunk(chunk));
    await appender.drain();
  }
}
