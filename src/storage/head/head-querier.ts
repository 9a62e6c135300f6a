/**
 * HeadQuerier: a read view of the head.
 *
 * Every method gathers before it first yields, so what is asked for in one tick comes from one state; chunks
 * that were gathered stay as they are while commits and cuts go on (see HeadSamples.chunksIn).
 */

import { QueryCanceledError } from "../../model/errors.js";
import type { Matcher } from "../../model/matcher.js";
import type { Querier, SelectHints } from "../../model/queryable.js";
import type { TimeRange } from "../../model/sample.js";
import type { Series } from "../../model/series.js";
import { compareText } from "../../model/text-order.js";
import { ChunkCopies } from "./chunk-copies.js";
import type { Head } from "./head.js";

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
    for (const slot of this.#head.selectIn(matchers, range)) {
      const chunks = hints.labelsOnly ? [] : this.#head.samples.chunksIn(slot, range, copies);
      if (chunks.length === 0 && !hints.labelsOnly) continue;
      for (const chunk of chunks) sizeBytes += chunk.bytes.length;
      selected.push({ labels: this.#head.series.labelsOf(slot), chunks });
    }
    if (sizeBytes > 0) hints.reserveBytes?.(sizeBytes);
    return selected.sort((a, b) => a.labels.compare(b.labels));
  }

  async labelNames(matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const slot of this.#head.selectIn(matchers, this.#range)) {
      const labels = this.#head.series.labelsOf(slot);
      for (let i = 0; i < labels.size; i++) names.add(labels.nameAt(i));
    }
    return [...names].sort(compareText);
  }

  async labelValues(name: string, matchers: readonly Matcher[] = []): Promise<readonly string[]> {
    const values = new Set<string>();
    for (const slot of this.#head.selectIn(matchers, this.#range))
      values.add(this.#head.series.labelsOf(slot).get(name));
    values.delete("");
    return [...values].sort(compareText);
  }

  close(): void {
    // Nothing is held: the garbage collector frees the chunks when their last reader is gone.
  }
}
