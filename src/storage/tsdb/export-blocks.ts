/**
 * exportBlocks: what is selected of blocks and head, as blocks that a Prometheus reads: XOR chunks only, no two
 * blocks overlapping, nothing deleted in them.
 *
 * Blocks that overlap one another become one; the head's samples between them are cut into the ranges that
 * planBlockRanges chooses, and those within the range of a block are merged into it.
 *
 *   blocks   ├── a ──┤├── b ──┤        ├── d ──┤
 *                        ├── c ──┤
 *   head                       ·············x······x···
 *   gives    ├── a ──┤├── b c  ·─┤     ├── d ──┤
 *                                 ├····┤        ├··┤
 *
 * Memory: what scanParts holds; of a block that is written, the labels and where its chunks are.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import { CHUNK_XOR, type EncodedChunk, type Series } from "../../model/series.js";
import type { BlockMeta } from "../block/block-meta.js";
import { type BlockSeries, discardBlocks, publishBlocks, stageBlock } from "../block/block-writer.js";
import type { ScannedBlock, ScanRequest } from "../block/scan-block.js";
import { decodeChunk, encodeChunks } from "../chunk/encode-chunks.js";
import { type CutOptions, chunksWithin, seriesPerTurn } from "../compaction/cut-blocks.js";
import { planBlockRanges, WindowCounts } from "../compaction/plan-block-ranges.js";
import type { FileSystem } from "../fs/file-system.js";
import { makeDurableDirectory } from "../fs/make-durable-directory.js";
import { scanParts } from "./scan-parts.js";

export interface ExportParts extends CutOptions {
  readonly fileSystem: FileSystem;
  /** In order of precedence. */
  readonly blocks: readonly ScannedBlock[];
  /** What `headSeries` gives for the same request. */
  readonly headSeries: readonly Series[];
}

/** Writes into `directory`, which is created when absent: all blocks or, when it rejects, none. */
export async function exportBlocks(
  parts: ExportParts,
  request: ScanRequest,
  directory: string,
): Promise<readonly BlockMeta[]> {
  const { fileSystem, newUlid } = parts;
  await makeDurableDirectory(fileSystem, directory);
  const metas: BlockMeta[] = [];
  try {
    for (const { range, level } of await planExport(parts, request.range)) {
      const [first, series] = await split(exportedSeries(parts, { ...request, range }));
      // All that was in the range may have been deleted, or belong to series that were not asked for.
      if (first === undefined) continue;
      const content = { ulid: newUlid(), range, series: startingWith(first, series), level };
      metas.push(await stageBlock(fileSystem, directory, content));
    }
    await publishBlocks(fileSystem, directory, metas);
    return metas;
  } catch (error) {
    await discardBlocks(fileSystem, directory, metas);
    throw error;
  }
}

interface PlannedBlock {
  readonly range: TimeRange;
  readonly level: number;
}

/** In time order, not overlapping. */
async function planExport(parts: ExportParts, requested: TimeRange): Promise<readonly PlannedBlock[]> {
  const hulls = hullsOf(parts.blocks.filter(({ range }) => rangesOverlap(range, requested)));
  const inBlocks = hulls.map(({ range, level }) => ({ range: intersect(range, requested), level }));
  const planned = [...inBlocks];
  for (const gap of gapsBetween(inBlocks, requested)) planned.push(...(await cutGap(parts, gap)));
  return planned.sort((a, b) => a.range.minTime - b.range.minTime);
}

/** The ranges of groups of blocks that overlap. */
function hullsOf(blocks: readonly ScannedBlock[]): readonly PlannedBlock[] {
  const hulls: PlannedBlock[] = [];
  for (const { range, meta } of blocks.toSorted((a, b) => a.range.minTime - b.range.minTime)) {
    const { level } = meta.compaction;
    const last = hulls.at(-1);
    if (last === undefined || !rangesOverlap(last.range, range)) hulls.push({ range, level });
    else {
      const maxTime = Math.max(last.range.maxTime, range.maxTime);
      const hull = { minTime: last.range.minTime, maxTime };
      hulls[hulls.length - 1] = { range: hull, level: Math.max(last.level, level) + 1 };
    }
  }
  return hulls;
}

function gapsBetween(blocks: readonly PlannedBlock[], { minTime, maxTime }: TimeRange): readonly TimeRange[] {
  const starts = [minTime, ...blocks.map(({ range }) => range.maxTime + 1)];
  const ends = [...blocks.map(({ range }) => range.minTime - 1), maxTime];
  return starts
    .map((start, i) => ({ minTime: start, maxTime: ends[i]! }))
    .filter((gap) => gap.minTime <= gap.maxTime);
}

async function cutGap(parts: ExportParts, gap: TimeRange): Promise<readonly PlannedBlock[]> {
  const counts = new WindowCounts(parts.blockDurationMs);
  for (const [i, { chunks }] of parts.headSeries.entries()) {
    if ((i + 1) % seriesPerTurn === 0) await nextTurn();
    for (const chunk of chunksWithin(chunks, gap)) {
      if (counts.addWithin(chunk, chunk.count)) continue;
      const { times, length } = decodeChunk(chunk);
      counts.add(times, length);
    }
  }
  return planBlockRanges(counts.windows(), parts).map((range) => ({ range, level: 1 }));
}

async function* exportedSeries(
  { blocks, headSeries }: ExportParts,
  request: ScanRequest,
): AsyncGenerator<BlockSeries, void, void> {
  let walked = 0;
  const overlapping = blocks.filter(({ range }) => rangesOverlap(range, request.range));
  for await (const series of scanParts(overlapping, headSeries, request)) {
    if (++walked % seriesPerTurn === 0) await nextTurn();
    const chunks = chunksWithin(series.chunks, request.range).flatMap(asXor);
    if (chunks.length > 0) yield { labels: series.labels, chunks };
  }
}

function asXor(chunk: EncodedChunk): readonly EncodedChunk[] {
  return chunk.encoding === CHUNK_XOR ? [chunk] : encodeChunks(decodeChunk(chunk));
}

function intersect(a: TimeRange, b: TimeRange): TimeRange {
  return { minTime: Math.max(a.minTime, b.minTime), maxTime: Math.min(a.maxTime, b.maxTime) };
}

/** The first of a stream, undefined when it is empty, and the stream behind it. */
async function split<T>(
  stream: AsyncGenerator<T, void, void>,
): Promise<readonly [T | undefined, AsyncGenerator<T, void, void>]> {
  const { value, done } = await stream.next();
  return [done === true ? undefined : (value as T), stream];
}

async function* startingWith<T>(first: T, rest: AsyncGenerator<T, void, void>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}
