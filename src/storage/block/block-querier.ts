/**
 * BlockQuerier: a read view of one block. Postings to series to chunks; what is not in the cache is read in few
 * large stretches.
 */

import { ClosedError, QueryCanceledError } from "../../model/errors.js";
import type { Matcher } from "../../model/matcher.js";
import type { Querier, SelectHints } from "../../model/queryable.js";
import { rangesOverlap, type TimeRange } from "../../model/sample.js";
import type { EncodedChunk, Series } from "../../model/series.js";
import { sortTexts } from "../../model/text-order.js";
import { isDeleted, withoutDeleted } from "../chunk/delete-samples.js";
import type { IndexReader } from "../index/index-reader.js";
import { intersects, type Postings } from "../index/postings.js";
import { selectPostings } from "../index/select-postings.js";
import type { ChunkFileReader } from "./chunk-file-reader.js";
import type { BlockSeriesCache, CachedSeries } from "./series-cache.js";
import type { Tombstones } from "./tombstones.js";

/** What a querier needs of a block. */
export interface OpenBlock {
  readonly range: TimeRange;
  readonly index: IndexReader;
  readonly tombstones: Tombstones;
  readonly chunks: ChunkFileReader;
  readonly cache: BlockSeriesCache;
}

/** A selected series, and which of its chunks to load. */
interface FoundSeries {
  readonly series: CachedSeries;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
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
    if (hints.labelsOnly === true) return found.map(({ series }) => ({ labels: series.labels, chunks: [] }));
    await this.#readMissing(found, hints);
    return found.map(loadedSeries).filter(({ chunks }) => chunks.length > 0);
  }

  async labelNames(matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    this.#assertOpen();
    const all = this.#block.index.labelNames();
    if (matchers.length === 0) return all;
    const names = new Set<string>();
    for (const ref of this.#selected(matchers)) {
      const { labels } = this.#series(ref);
      for (let i = 0; i < labels.size; i++) names.add(labels.nameAt(i));
      if (names.size === all.length) break;
    }
    return sortTexts([...names]);
  }

  async labelValues(name: string, matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    this.#assertOpen();
    const { index } = this.#block;
    const all = index.labelValues(name);
    if (matchers.length === 0) return all;
    const selected = this.#selected(matchers);
    if (selected.length >= all.length)
      return all.filter((value) => intersects(selected, index.postings(name, value)));
    const values = new Set(Array.from(selected, (ref) => this.#series(ref).labels.get(name)));
    values.delete("");
    return sortTexts([...values]);
  }

  close(): void {
    this.#closed = true;
  }

  /** Series that match and have undeleted chunks in the range, with just these chunks. */
  #find(matchers: readonly Matcher[], range: TimeRange): readonly FoundSeries[] {
    const { tombstones } = this.#block;
    const found: FoundSeries[] = [];
    if (range.minTime > range.maxTime || !rangesOverlap(range, this.#block.range)) return found;
    for (const ref of this.#selected(matchers)) {
      const series = this.#series(ref);
      const { metas } = series;
      const deleted = tombstones.get(ref) ?? noIntervals;
      let from = 0;
      while (from < metas.length && metas[from]!.maxTime < range.minTime) from++;
      let to = from;
      while (to < metas.length && metas[to]!.minTime <= range.maxTime) to++;
      if (from === to) continue;
      if (deleted.length > 0 && metas.slice(from, to).every((meta) => isDeleted(meta, deleted))) continue;
      found.push({ series, from, to, deleted });
    }
    return found;
  }

  /** Without series that are deleted as a whole: what the index says of these is not read, as it may be broken. */
  #selected(matchers: readonly Matcher[]): Postings {
    const { index, tombstones, range } = this.#block;
    const selected = selectPostings(index, matchers);
    if (tombstones.size === 0) return selected;
    return selected.filter((ref) => !isDeleted(range, tombstones.get(ref) ?? noIntervals));
  }

  #series(ref: number): CachedSeries {
    const { cache, index } = this.#block;
    const known = cache.get(ref);
    if (known !== undefined) return known;
    const { labels, chunks } = index.series(ref);
    return cache.add(ref, labels, chunks);
  }

  /** Reads the chunks that are not in the cache. */
  async #readMissing(found: readonly FoundSeries[], { reserveBytes, signal }: SelectHints): Promise<void> {
    if (signal?.aborted) throw new QueryCanceledError("the query was canceled");
    const missing: { readonly series: CachedSeries; readonly position: number; readonly ref: number }[] = [];
    let heldBytes = 0;
    for (const { series, from, to, deleted } of found) {
      for (let position = from; position < to; position++) {
        const chunk = series.chunks[position];
        const meta = series.metas[position]!;
        if (chunk !== undefined) heldBytes += chunk.bytes.length;
        else if (!isDeleted(meta, deleted)) missing.push({ series, position, ref: meta.ref });
      }
    }
    if (heldBytes > 0) reserveBytes?.(heldBytes);
    if (missing.length === 0) return;
    missing.sort((a, b) => a.ref - b.ref);
    const refs = Float64Array.from(missing, ({ ref }) => ref);
    const stored = await this.#block.chunks.read(refs, { reserveBytes, signal });
    for (const [i, { series, position }] of missing.entries()) {
      const { minTime, maxTime } = series.metas[position]!;
      const { encoding, count, bytes } = stored[i]!;
      this.#block.cache.addChunk(series, position, { encoding, minTime, maxTime, count, bytes });
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError("the querier is closed");
  }
}

const noIntervals: readonly TimeRange[] = [];

/** The common part; empty (minTime above maxTime) when there is none. */
function overlap(a: TimeRange, b: TimeRange): TimeRange {
  return { minTime: Math.max(a.minTime, b.minTime), maxTime: Math.min(a.maxTime, b.maxTime) };
}

function loadedSeries({ series, from, to, deleted }: FoundSeries): Series {
  const { labels, chunks } = series;
  const loaded = from === 0 && to === chunks.length ? chunks : chunks.slice(from, to);
  // Only chunks that are deleted as a whole were not read.
  if (deleted.length === 0) return { labels, chunks: loaded as readonly EncodedChunk[] };
  const kept: EncodedChunk[] = [];
  for (const chunk of loaded) {
    const rest = chunk && withoutDeleted(chunk, deleted);
    if (rest !== undefined) kept.push(rest);
  }
  return { labels, chunks: kept };
}
