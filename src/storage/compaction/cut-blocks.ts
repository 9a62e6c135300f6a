/**
 * cutBlocks: series to blocks, in the ranges that planBlockRanges chooses.
 *
 * The series are walked once to count samples per window, then once per block; their columns or chunks are made
 * anew each time where the iterable makes them, so that memory holds one series at a time.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Labels } from "../../model/labels.js";
import { rangesOverlap, type SampleColumns, type TimeRange, type TimestampMs } from "../../model/sample.js";
import type { BlockEncoding, EncodedChunk, Series } from "../../model/series.js";
import type { BlockMeta, BlockOrigin } from "../block/block-meta.js";
import { type BlockSeries, discardBlocks, publishBlocks, stageBlock } from "../block/block-writer.js";
import type { UlidSource } from "../block/ulid.js";
import {
  decodeChunk,
  encodeChunks,
  encodeColumns,
  sliceColumns,
  XOR_SAMPLES_PER_CHUNK,
} from "../chunk/encode-chunks.js";
import { joinChunks } from "../chunk/join-chunks.js";
import { recodeChunks } from "../chunk/recode-chunks.js";
import type { FileSystem } from "../fs/file-system.js";
import { type BlockRangeOptions, planBlockRanges, WindowCounts } from "./plan-block-ranges.js";

/** One series with samples in strictly increasing time. */
export interface SeriesColumns {
  readonly labels: Labels;
  readonly columns: SampleColumns;
}

/** As columns, or as chunks, which may overlap and are handed on as they are where that is possible. */
export type CutSeries = SeriesColumns | Series;

export interface CutOptions extends BlockRangeOptions {
  readonly newUlid: UlidSource;
  /** Default "gorilla". */
  readonly encoding?: BlockEncoding;
  readonly extra?: { readonly narthex?: BlockOrigin };
}

/** Series walked between two turns of the event loop, where nothing is written that would give way to others. */
export const seriesPerTurn = 256;
/** As many chunks count as a further series. */
const chunksPerSeries = 8;
/** Samples that are encoded between two turns: about 5 ms of dense chunks. */
const samplesPerTurn = 1 << 15;

/** `series` in label order, to be walked any number of times. Returns what was written; nothing for no samples. */
export async function cutBlocks(
  fileSystem: FileSystem,
  directory: string,
  series: Iterable<CutSeries>,
  options: CutOptions,
): Promise<readonly BlockMeta[]> {
  const metas = await stageCut(fileSystem, directory, series, options);
  await publishBlocks(fileSystem, directory, metas);
  return metas;
}

/** As cutBlocks, but leaves the blocks under their temporary names, for publishBlocks or discardBlocks. */
export async function stageCut(
  fileSystem: FileSystem,
  directory: string,
  series: Iterable<CutSeries>,
  options: CutOptions,
): Promise<readonly BlockMeta[]> {
  const { newUlid, encoding = "gorilla", extra = {} } = options;
  const counts = new WindowCounts(options.blockDurationMs);
  for await (const each of inTurns(series)) addTo(counts, each);
  const metas: BlockMeta[] = [];
  try {
    for (const range of planBlockRanges(counts.windows(), options)) {
      const content = { ulid: newUlid(), range, series: encodedWithin(series, range, encoding), extra };
      metas.push(await stageBlock(fileSystem, directory, content));
    }
  } catch (error) {
    await discardBlocks(fileSystem, directory, metas);
    throw error;
  }
  return metas;
}

/** Gives way to others between its turns. */
async function* inTurns(series: Iterable<CutSeries>): AsyncGenerator<CutSeries> {
  let work = 0;
  for (const each of series) {
    yield each;
    work +=
      1 +
      ("columns" in each ? each.columns.length / XOR_SAMPLES_PER_CHUNK : each.chunks.length) /
        chunksPerSeries;
    if (work < seriesPerTurn) continue;
    work = 0;
    await nextTurn();
  }
}

function addTo(counts: WindowCounts, series: CutSeries): void {
  if ("columns" in series) {
    counts.add(series.columns.times, series.columns.length);
    return;
  }
  for (const chunk of series.chunks) {
    if (counts.addWithin(chunk, chunk.count)) continue;
    const { times, length } = decodeChunk(chunk);
    counts.add(times, length);
  }
}

/** The series that have samples in the range. Gives way to others also while a long series is encoded. */
async function* encodedWithin(
  series: Iterable<CutSeries>,
  range: TimeRange,
  encoding: BlockEncoding,
): AsyncGenerator<BlockSeries> {
  let samples = 0;
  for await (const each of inTurns(series)) {
    const encoded =
      "columns" in each
        ? encodeColumns(within(each.columns, range), encoding)
        : recodeChunks(clipped(each.chunks, range), encoding);
    const chunks: EncodedChunk[] = [];
    for (const chunk of encoded) {
      chunks.push(chunk);
      samples += chunk.count;
      if (samples < samplesPerTurn) continue;
      samples = 0;
      await nextTurn();
    }
    if (chunks.length > 0) yield { labels: each.labels, chunks };
  }
}

/** Joined, and those that reach beyond the range cut to it. */
export function chunksWithin(chunks: readonly EncodedChunk[], range: TimeRange): readonly EncodedChunk[] {
  return joinChunks(clipped(chunks, range));
}

/** The chunks that have samples in the range, without their others. */
function clipped(chunks: readonly EncodedChunk[], range: TimeRange): readonly EncodedChunk[] {
  const isInside = ({ minTime, maxTime }: EncodedChunk) =>
    minTime >= range.minTime && maxTime <= range.maxTime;
  if (chunks.every(isInside)) return chunks;
  return chunks
    .filter((chunk) => rangesOverlap(chunk, range))
    .flatMap((chunk) => (isInside(chunk) ? chunk : encodeChunks(within(decodeChunk(chunk), range))));
}

function within(columns: SampleColumns, { minTime, maxTime }: TimeRange): SampleColumns {
  return sliceColumns(columns, indexAtOrAfter(columns, minTime), indexAtOrAfter(columns, maxTime + 1));
}

/** The index of the first sample at `time` or later; `length` when there is none. */
function indexAtOrAfter({ times, length }: SampleColumns, time: TimestampMs): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
