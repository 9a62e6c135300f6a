/**
 * Maintenance: moves complete windows of the head into blocks. `planCut` chooses, `cutHead` acts.
 *
 * Steps of a cut. Commits and queries go on; after a crash at any point, opening finds every sample once.
 *
 *   1  rotate the log: segments up to N are ended, one of them behind the last checkpoint even when nothing was
 *      logged since, so that the new checkpoint cannot be taken for that one. Wait until all that they hold is
 *      applied to the head.
 *   2  take what lies below the end; stage it as blocks, under temporary names
 *   3  publish: rename the blocks. From here on, replay skips what they hold of segments up to N (BlockOrigin)
 *   4  open the blocks, so that queries see them, then drop from the head exactly what was taken
 *   5  checkpoint what the head still has, in the name of segments up to N
 *   6  truncate: remove these segments
 *
 * Invariants
 *  1. No samples are deleted from the head between steps 1 and 6 (Tsdb makes such changes one at a time): a replay
 *     of the checkpoint and of the segments behind it would otherwise decide differently.
 *  2. A block goes only when the log holds nothing of the segments that it stands for (`releaseLog`).
 *  3. Nothing becomes durable in a block or checkpoint before the log record that it came from is; else a power
 *     loss could leave half of a transaction. Only with durability "commit" does "applied" imply that.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { TimeRange, TimestampMs } from "../model/sample.js";
import type { BlockEncoding } from "../model/series.js";
import type { BlockMeta } from "./block/block-meta.js";
import { discardBlocks } from "./block/block-writer.js";
import type { UlidSource } from "./block/ulid.js";
import { seriesPerTurn, stageCut } from "./compaction/cut-blocks.js";
import { alignedStart, DEFAULT_BLOCK_SAMPLES_MAX } from "./compaction/plan-block-ranges.js";
import { assertRoom } from "./fs/assert-room.js";
import type { FileSystem } from "./fs/file-system.js";
import type { Head } from "./head/head.js";
import { checkpointRecords } from "./head/head-checkpoint.js";
import { HeadCut } from "./head/head-cut.js";
import { writeCheckpoint } from "./wal/checkpoint.js";
import type { Wal } from "./wal/wal.js";
import { listWalDirectory } from "./wal/wal-directory.js";

/** Samples that came later than the cut of their window are cut when they are this many. */
export const LATE_SAMPLES_MAX = 100_000;

/** What a series takes in the index of a block, about: references to its labels, from both sides. */
const seriesBytesInIndex = 96;
/** Length, encoding and checksum of a chunk, and its place and times in the index. */
const chunkBytesBeside = 24;

export interface CutSituation {
  readonly blockDurationMs: number;
  /** Undefined when the head is empty. */
  readonly headRange: TimeRange | undefined;
  /** End of the last cut, exclusive; -Infinity when there was none. */
  readonly lastCutEnd: TimestampMs;
  /** Samples in the head that are below `lastCutEnd`. */
  readonly lateSamples: number;
  /** Whether the head has series of which all that it has is kept no longer. */
  readonly hasOutlived: boolean;
  readonly now: TimestampMs;
}

/**
 * The end, exclusive, of what is to be cut; undefined for nothing. A window is complete when the newest time has
 * passed its end by half a window, as in Prometheus; a newest time in the future counts as now, so that one wrong
 * clock does not make every other sample late. When nothing was written for as long as a series is kept, the last
 * window is not waited for: what is in the head would never be dropped.
 */
export function planCut(situation: CutSituation): TimestampMs | undefined {
  const { headRange, blockDurationMs, lastCutEnd } = situation;
  if (headRange === undefined) return undefined;
  if (situation.hasOutlived) return alignedStart(headRange.maxTime, blockDurationMs) + blockDurationMs;
  const newest = Math.min(headRange.maxTime, situation.now);
  const end = alignedStart(newest - blockDurationMs / 2, blockDurationMs);
  if (headRange.minTime >= end) return undefined;
  return end > lastCutEnd || situation.lateSamples >= LATE_SAMPLES_MAX ? end : undefined;
}

/** The end, exclusive, of what is to be cut so that the head has nothing older than `oldest`; undefined for nothing. */
export function planTrim(
  headRange: TimeRange | undefined,
  oldest: TimestampMs,
  blockDurationMs: number,
): TimestampMs | undefined {
  if (headRange === undefined || headRange.minTime >= oldest) return undefined;
  return alignedStart(oldest, blockDurationMs) + blockDurationMs;
}

export interface CutParts {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly head: Head;
  readonly wal: Wal;
  readonly walDirectory: string;
  readonly blockDurationMs: number;
  readonly encoding: BlockEncoding;
  readonly newUlid: UlidSource;
  /** Whether what is applied to the head is on the disk already: durability "commit". */
  readonly isDurableWhenApplied: boolean;
  /** Steps 3 and 4: renames staged blocks, opens them, and makes them visible to queries, all at once. */
  publish(metas: readonly BlockMeta[]): Promise<void>;
}

/**
 * Cuts all samples below `end`. When it rejects, everything is still readable, and the cut may be tried again. It
 * writes nothing, and rejects with DiskFullError, when the blocks would not fit.
 */
export async function cutHead(parts: CutParts, end: TimestampMs): Promise<readonly BlockMeta[]> {
  const { head, wal } = parts;
  const { checkpoint } = await listWalDirectory(parts.fileSystem, parts.walDirectory);
  head.beginGeneration();
  const lastSegment = await wal.rotate(checkpoint);
  await head.settled();

  const cut = await HeadCut.take(head, end);
  const neededBytes = await estimateBytes(cut);
  await assertRoom(parts.fileSystem, parts.directory, { what: "a cut", neededBytes });
  const metas = await writeBlocks(parts, cut, { end, lastSegment });
  await cut.drop();

  await shortenLog(parts, lastSegment);
  return metas;
}

/** Steps 1, 5 and 6 of a cut by themselves: the log then says what the head holds, and nothing that was deleted. */
export async function checkpointHead(parts: CutParts): Promise<void> {
  const { head, wal } = parts;
  head.beginGeneration();
  const lastSegment = await wal.rotate();
  await head.settled();
  await head.endIdleSeries();
  const { segments } = await listWalDirectory(parts.fileSystem, parts.walDirectory);
  if (segments.length > 0) await shortenLog(parts, lastSegment);
}

/**
 * Makes sure that the log holds nothing of the segments that the blocks stand for, so that these blocks may go: a
 * cut does that, unless a crash or a failure came between its steps 3 and 6.
 */
export async function releaseLog(
  parts: CutParts,
  blocks: readonly { readonly meta: BlockMeta }[],
): Promise<void> {
  const lastSegment = Math.max(0, ...blocks.map(({ meta }) => (meta.narthex?.walSegment ?? 1) - 1));
  if (lastSegment === 0) return;
  const { checkpoint } = await listWalDirectory(parts.fileSystem, parts.walDirectory);
  if (checkpoint < lastSegment) await checkpointHead(parts);
}

/** About what the blocks will take: chunks, with what the index says of each, and postings and names of series. */
async function estimateBytes(cut: HeadCut): Promise<number> {
  let bytes = 0;
  let walked = 0;
  for (const { chunks } of cut) {
    bytes += seriesBytesInIndex;
    for (const chunk of chunks) bytes += chunk.bytes.length + chunkBytesBeside;
    if (++walked % seriesPerTurn === 0) await nextTurn();
  }
  return bytes;
}

async function shortenLog(parts: CutParts, lastSegment: number): Promise<void> {
  await writeCheckpoint(parts.fileSystem, parts.walDirectory, lastSegment, durableCheckpoint(parts));
  await parts.wal.truncate(lastSegment);
}

async function writeBlocks(
  parts: CutParts,
  cut: HeadCut,
  { end, lastSegment }: { end: TimestampMs; lastSegment: number },
): Promise<readonly BlockMeta[]> {
  const { fileSystem, directory, blockDurationMs, encoding, newUlid } = parts;
  const metas = await stageCut(fileSystem, directory, cut, {
    blockDurationMs,
    samplesMax: DEFAULT_BLOCK_SAMPLES_MAX,
    recentFrom: end - blockDurationMs,
    encoding,
    newUlid,
    extra: { narthex: { walSegment: lastSegment + 1 } },
  });
  try {
    await makeAppliedDurable(parts);
    await parts.publish(metas);
  } catch (error) {
    await discardBlocks(fileSystem, directory, metas);
    throw error;
  }
  return metas;
}

async function* durableCheckpoint(parts: CutParts): AsyncGenerator<Uint8Array> {
  for (const record of checkpointRecords(parts.head)) {
    yield record;
    await nextTurn();
  }
  await makeAppliedDurable(parts);
}

/** A rotation syncs the log up to here. */
async function makeAppliedDurable({ wal, isDurableWhenApplied }: CutParts): Promise<void> {
  if (!isDurableWhenApplied) await wal.rotate();
}
