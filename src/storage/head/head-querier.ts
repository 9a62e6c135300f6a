/**
 * HeadQuerier: a read view of the head.
 *
 * Every method gathers before it first yields, so what is asked for in one tick comes from one state; chunks
 * that were gathered stay as they are while commits and cuts go on (see HeadSamples.chunksIn).
 */

import { QueryCanceledError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import type { Querier, SelectHints } from "../../model/queryable.js";
import type { TimeRange } from "../../model/sample.js";
import type { Series, SeriesRef } from "../../model/series.js";
import { sortTexts } from "../../model/text-order.js";
import { selectPostings } from "../index/select-postings.js";
import { ChunkCopies } from "./chunk-copies.js";
import type { Head } from "./head.js";

/** What is gathered before a query is asked whether it may hold it. */
const bytesPerReservation = 1024 * 1024;

export class HeadQuerier implements Querier {
  readonly #head: Head;
  readonly #range: TimeRange;

  constructor(head: Head, range: TimeRange) {
    this.#head = head;
    this.#range = range;
  }

  async select(matchers: readonly Matcher[], hints: SelectHints = {}): Promise<readonly Series[]> {
    if (hints.signal?.aborted) throw new QueryCanceledError("the query was canceled");
    const range = hints.range ?? this.#range;
    const selected: Series[] = [];
    const copies = new ChunkCopies();
    let sizeBytes = 0;
    let reservedBytes = 0;
    for (const slot of this.#head.selectIn(matchers, range)) {
      const chunks = hints.labelsOnly ? [] : this.#head.samples.chunksIn(slot, range, copies);
      if (chunks.length === 0 && !hints.labelsOnly) continue;
      for (const chunk of chunks) sizeBytes += chunk.bytes.length;
      if (sizeBytes - reservedBytes >= bytesPerReservation) {
        hints.reserveBytes?.(sizeBytes - reservedBytes);
        reservedBytes = sizeBytes;
      }
      selected.push({ labels: this.#head.series.labelsOf(slot), chunks });
    }
    if (sizeBytes > reservedBytes) hints.reserveBytes?.(sizeBytes - reservedBytes);
    return selected.sort((a, b) => a.labels.compare(b.labels));
  }

  async labelNames(matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    const { postings } = this.#head;
    const all = postings.labelNames();
    if (matchers.length === 0) return all.filter((name) => this.#isVisible(name));
    const names = new Set<string>();
    for (const labels of this.#labelsWhere(matchers)) {
      for (let i = 0; i < labels.size; i++) names.add(labels.nameAt(i));
      if (names.size === all.length) break;
    }
    return sortTexts([...names]);
  }

  async labelValues(name: string, matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    if (matchers.length === 0)
      return this.#head.postings.labelValues(name).filter((value) => this.#isVisible(name, value));
    const values = new Set<string>();
    for (const labels of this.#labelsWhere(matchers)) values.add(labels.get(name));
    values.delete("");
    return sortTexts([...values]);
  }

  close(): void {
    // Nothing is held: the garbage collector frees the chunks when their last reader is gone.
  }

  /** Whether a series with this label can be seen. */
  #isVisible(name: string, value?: string): boolean {
    return this.#head.postings.some(name, value, (ref) => this.#head.isVisibleIn(ref, this.#range));
  }

  *#labelsWhere(matchers: readonly Matcher[]): Generator<Labels> {
    const { postings, series } = this.#head;
    for (const ref of selectPostings(postings, matchers) as Iterable<SeriesRef>)
      if (this.#head.isVisibleIn(ref, this.#range)) yield series.labelsOf(series.slotOf(ref));
  }
}
