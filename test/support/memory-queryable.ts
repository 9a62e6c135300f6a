/**
 * MemoryQueryable: series in memory, served as XOR chunks, so that queries can be tested without storage.
 *
 * Samples may come in any order; the last one given for a time counts. A native histogram is only a chunk of an
 * encoding that nothing reads: who needs it gets the error for it.
 */

import { XorAppender } from "../../src/kernels/xor-appender.js";
import type { Labels } from "../../src/model/labels.js";
import type { Matcher } from "../../src/model/matcher.js";
import type { Querier, Queryable, SelectHints } from "../../src/model/queryable.js";
import { rangesOverlap, type TimeRange, type TimestampMs } from "../../src/model/sample.js";
import { CHUNK_XOR, type EncodedChunk, type Series } from "../../src/model/series.js";
import { markStaleAt } from "../../src/model/staleness.js";
import { compareText } from "../../src/model/text-order.js";

/** Prometheus' number for chunks of float histograms. */
const CHUNK_FLOAT_HISTOGRAM = 3;

/** What a series has at one time. */
export type Point = number | "stale" | "histogram";

interface StoredSeries {
  readonly labels: Labels;
  readonly points: Map<TimestampMs, Point>;
  chunks: readonly EncodedChunk[] | undefined;
}

export class MemoryQueryable implements Queryable {
  readonly #series = new Map<string, StoredSeries>();
  readonly #samplesPerChunk: number;

  constructor(options: { readonly samplesPerChunk?: number } = {}) {
    this.#samplesPerChunk = options.samplesPerChunk ?? 120;
  }

  append(labels: Labels, time: TimestampMs, point: Point): void {
    const key = labels.key();
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, points: new Map(), chunks: undefined };
      this.#series.set(key, series);
    }
    series.points.set(time, point);
    series.chunks = undefined;
  }

  clear(): void {
    this.#series.clear();
  }

  querier(range: TimeRange): Querier {
    return {
      select: async (matchers, hints) => this.#select(matchers, hints?.range ?? range, hints),
      labelNames: async (matchers = []) => {
        const names = this.#matching(matchers).flatMap(({ labels }) => [...labels].map(([name]) => name));
        return [...new Set(names)].sort(compareText);
      },
      labelValues: async (name, matchers = []) => {
        const values = this.#matching(matchers).map(({ labels }) => labels.get(name));
        return [...new Set(values.filter((value) => value !== ""))].sort(compareText);
      },
      close: () => {},
    };
  }

  #matching(matchers: readonly Matcher[]): readonly StoredSeries[] {
    return [...this.#series.values()]
      .filter(({ labels }) => matchers.every((matcher) => matcher.matchesLabels(labels)))
      .sort((a, b) => a.labels.compare(b.labels));
  }

  #select(matchers: readonly Matcher[], range: TimeRange, hints: SelectHints | undefined): readonly Series[] {
    const selected: Series[] = [];
    for (const series of this.#matching(matchers)) {
      series.chunks ??= encode(series.points, this.#samplesPerChunk);
      const chunks = series.chunks.filter((chunk) => rangesOverlap(chunk, range));
      for (const { bytes } of chunks) hints?.reserveBytes?.(bytes.length);
      if (chunks.length > 0) selected.push({ labels: series.labels, chunks });
    }
    return selected;
  }
}

function encode(points: ReadonlyMap<TimestampMs, Point>, samplesPerChunk: number): readonly EncodedChunk[] {
  const chunks: EncodedChunk[] = [];
  let open: XorAppender | undefined;
  const value = new Float64Array(1);
  const cut = (): void => {
    if (open !== undefined) chunks.push(xorChunk(open));
    open = undefined;
  };
  for (const [time, point] of [...points].sort(([a], [b]) => a - b)) {
    if (point === "histogram") {
      cut();
      const bytes = new Uint8Array(1);
      chunks.push({ encoding: CHUNK_FLOAT_HISTOGRAM, minTime: time, maxTime: time, count: 1, bytes });
      continue;
    }
    if (point === "stale") markStaleAt(value, 0);
    else value[0] = point;
    open ??= new XorAppender();
    open.append(time, value, 0);
    if (open.count === samplesPerChunk) cut();
  }
  cut();
  return chunks;
}

function xorChunk(appender: XorAppender): EncodedChunk {
  const { minTime, maxTime, count } = appender;
  return { encoding: CHUNK_XOR, minTime, maxTime, count, bytes: appender.bytes().slice() };
}
