/**
 * BlockQuerier: a read view of one block. Postings to series to chunks, read in few large stretches.
 */

import { ClosedError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import type { Querier, SelectHints } from "../../model/queryable.js";
import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import type { EncodedChunk, Series } from "../../model/series.js";
import { compareText } from "../../model/text-order.js";
import type { ChunkMeta } from "../chunk/chunk-meta.js";
import { isDeleted, withoutDeleted } from "../chunk/delete-samples.js";
import type { IndexReader } from "../index/index-reader.js";
import type { IndexedSeries } from "../index/index-writer.js";
import { selectPostings } from "../index/select-postings.js";
import type { ChunkFileReader, StoredChunk } from "./chunk-file-reader.js";
import type { Tombstones } from "./tombstones.js";

/** What a querier needs of a block. */
export interface OpenBlock {
  readonly range: TimeRange;
  readonly index: IndexReader;
  readonly tombstones: Tombstones;
  readonly chunks: ChunkFileReader;
}

/** A selected series with the chunks to load, before they are. */
interface FoundSeries extends IndexedSeries {
  readonly deleted: readonly TimeRange[];
}

export class BlockQuerier implements Querier {
  readonly #block: OpenBlock;
  readonly #range: TimeRange;
  #closed = false;

  constructor(block: OpenBlock, range: TimeRange) {
    this.#block = block;
    this.#range = range;
  }

  async select(matchers: readonly Matcher[], hints: SelectHints = {}): Promise<readonly Series[]> {
    this.#assertOpen();
    const found = this.#find(matchers, overlap(this.#range, hints.range ?? this.#range));
    if (hints.labelsOnly === true) return found.map(({ labels }) => ({ labels, chunks: [] }));
    const metas = found.flatMap(({ chunks }) => chunks).sort((a, b) => a.ref - b.ref);
    const stored = await this.#block.chunks.read(
      Float64Array.from(metas, ({ ref }) => ref),
      { reserveBytes: hints.reserveBytes, signal: hints.signal },
    );
    const byRef = new Map(metas.map(({ ref }, i) => [ref, stored[i]!]));
    return found.map((series) => loadedSeries(series, byRef)).filter(({ chunks }) => chunks.length > 0);
  }

  async labelNames(matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    this.#assertOpen();
    if (matchers.length === 0) return this.#block.index.labelNames();
    const names = new Set<string>();
    for (const labels of this.#labelsWhere(matchers)) {
      for (let i = 0; i < labels.size; i++) names.add(labels.nameAt(i));
    }
    return [...names].sort(compareText);
  }

  async labelValues(name: string, matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    this.#assertOpen();
    if (matchers.length === 0) return this.#block.index.labelValues(name);
    const values = new Set<string>();
    for (const labels of this.#labelsWhere(matchers)) values.add(labels.get(name));
    values.delete("");
    return [...values].sort(compareText);
  }

  close(): void {
    this.#closed = true;
  }

  /** Series that match and have undeleted chunks in the range, with just these chunks. */
  #find(matchers: readonly Matcher[], range: TimeRange): readonly FoundSeries[] {
    const { index, tombstones } = this.#block;
    const found: FoundSeries[] = [];
    if (range.minTime > range.maxTime || !rangesOverlap(range, this.#block.range)) return found;
    for (const ref of selectPostings(index, matchers)) {
      const { labels, chunks } = index.series(ref);
      const deleted = tombstones.get(ref) ?? [];
      const wanted = chunks.filter((chunk) => rangesOverlap(chunk, range) && !isDeleted(chunk, deleted));
      if (wanted.length > 0) found.push({ labels, chunks: wanted, deleted });
    }
    return found;
  }

  *#labelsWhere(matchers: readonly Matcher[]): Generator<Labels> {
    const { index } = this.#block;
    for (const ref of selectPostings(index, matchers)) yield index.labels(ref);
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError("the querier is closed");
  }
}

/** The common part; empty (minTime above maxTime) when there is none. */
function overlap(a: TimeRange, b: TimeRange): TimeRange {
  return { minTime: Math.max(a.minTime, b.minTime), maxTime: Math.min(a.maxTime, b.maxTime) };
}

function loadedSeries(series: FoundSeries, byRef: ReadonlyMap<number, StoredChunk>): Series {
  const chunks: EncodedChunk[] = [];
  for (const meta of series.chunks) {
    const chunk = withoutDeleted(encodedChunk(meta, byRef.get(meta.ref)!), series.deleted);
    if (chunk !== undefined) chunks.push(chunk);
  }
  return { labels: series.labels, chunks };
}

function encodedChunk(
  { minTime, maxTime }: ChunkMeta,
  { encoding, count, bytes }: StoredChunk,
): EncodedChunk {
  return { encoding, minTime, maxTime, count, bytes };
}
