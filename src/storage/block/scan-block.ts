/**
 * scanBlock: the selected series of a block in label order, one at a time, with their chunks; deleted samples left
 * out. For what goes over more of a block than fits into memory.
 *
 * Memory: the chunks of some hundred series.
 */

import type { Matcher } from "../../model/matcher.js";
import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import type { EncodedChunk, Series } from "../../model/series.js";
import { isDeleted, withoutDeleted } from "../chunk/delete-samples.js";
import type { IndexedSeries } from "../index/index-content.js";
import { type Postings, union } from "../index/postings.js";
import { selectPostings } from "../index/select-postings.js";
import type { BlockReader } from "./block-reader.js";

/** What is wanted of the storage: series that any of the selectors accepts, chunks that overlap the range. */
export interface ScanRequest {
  /** Each a list of matchers that all must accept. None selects every series. */
  readonly selectors: readonly (readonly Matcher[])[];
  readonly range: TimeRange;
}

/** What a scan needs of a block. */
export type ScannedBlock = Pick<BlockReader, "meta" | "range" | "index" | "tombstones" | "chunks">;

/** A batch ends behind the series that reaches one of these. */
const batchSeriesMax = 512;
const batchChunksMax = 2048;

interface FoundSeries extends IndexedSeries {
  readonly deleted: readonly TimeRange[];
}

/** Series without chunks in the range are left out. Throws CorruptionError. */
export async function* scanBlock(
  block: ScannedBlock,
  { selectors, range }: ScanRequest,
): AsyncGenerator<Series, void, void> {
  if (!rangesOverlap(block.range, range)) return;
  const refs = selectedRefs(block, selectors);
  for (let next = 0; next < refs.length; ) {
    const found: FoundSeries[] = [];
    let chunkCount = 0;
    while (next < refs.length && found.length < batchSeriesMax && chunkCount < batchChunksMax) {
      const series = findSeries(block, refs[next++]!, range);
      if (series === undefined) continue;
      if (series.chunks.length > 0) found.push(series);
      chunkCount += series.chunks.length;
    }
    yield* await loadBatch(block, found);
  }
}

function selectedRefs({ index }: ScannedBlock, selectors: ScanRequest["selectors"]): Postings {
  return selectors.length === 0
    ? index.all()
    : union(selectors.map((matchers) => selectPostings(index, matchers)));
}

/** Undefined when the series is deleted as a whole: its entry in the index is not read, as it may be broken. */
function findSeries(block: ScannedBlock, ref: number, range: TimeRange): FoundSeries | undefined {
  const deleted = block.tombstones.get(ref) ?? [];
  if (isDeleted(block.range, deleted)) return undefined;
  const { labels, chunks } = block.index.series(ref);
  return {
    labels,
    chunks: chunks.filter((chunk) => rangesOverlap(chunk, range) && !isDeleted(chunk, deleted)),
    deleted,
  };
}

async function loadBatch(block: ScannedBlock, found: readonly FoundSeries[]): Promise<readonly Series[]> {
  const refs = Float64Array.from(found.flatMap(({ chunks }) => chunks.map(({ ref }) => ref))).sort();
  const stored = await block.chunks.read(refs);
  const byRef = new Map(stored.map((chunk, i) => [refs[i]!, chunk]));
  return found
    .map(({ labels, chunks, deleted }) => ({
      labels,
      chunks: chunks
        .map(({ ref, minTime, maxTime }): EncodedChunk => ({ ...byRef.get(ref)!, minTime, maxTime }))
        .map((chunk) => withoutDeleted(chunk, deleted))
        .filter((chunk) => chunk !== undefined),
    }))
    .filter(({ chunks }) => chunks.length > 0);
}
