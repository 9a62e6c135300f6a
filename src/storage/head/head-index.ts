/**
 * HeadIndex: the head as a SeriesIndex. What it creates is invisible until samples come, and ends like any other series
 * that has none.
 */

import type { Labels } from "../../model/labels.js";
import type { SeriesRef } from "../../model/series.js";
import type { PairTuples, SeriesIndex } from "../../model/series-index.js";
import type { Head } from "./head.js";

export class HeadIndex implements SeriesIndex {
  readonly #head: Head;

  constructor(head: Head) {
    this.#head = head;
  }

  get epoch(): number {
    const { endedCount, series } = this.#head;
    return endedCount + series.pairs.freedCount;
  }

  pair(name: string, value: string): number {
    return this.#head.series.pairs.take(name, value);
  }

  refsOf({ length, pairs, ends }: PairTuples, refs: Uint32Array, at: number): void {
    const head = this.#head;
    let from = 0;
    for (let i = 0; i < length; i++) {
      const to = ends[i]!;
      const slot = head.series.findPairs(pairs, from, to) || head.createOwnOfPairs(pairs, from, to);
      refs[at + i] = head.series.refOf(slot);
      from = to;
    }
  }

  labelsOf(ref: SeriesRef): Labels | undefined {
    const slot = this.#head.series.slotOf(ref);
    return slot === 0 ? undefined : this.#head.series.labelsOf(slot);
  }
}
