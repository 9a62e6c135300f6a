/**
 * Head: the newest samples, in memory. Owns the series, their postings, and the order in which commits apply.
 *
 * Invariants
 *  1. Only logged samples are applied, in log order (`applyInOrder`): a replay decides every conflict the same.
 *  2. Reads and writes are synchronous: what is gathered in one run is one state, without half a commit.
 *  3. A series ends only when it has no samples, no open transaction has staged any for it, and no log record of
 *     the current generation names it. So a segment of the log that is kept never names a series whose record
 *     went with the segments that were truncated.
 */

import type { Labels } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import { rangesOverlap, type TimeRange, type TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import { MemoryPostings } from "../index/memory-postings.js";
import { selectPostings } from "../index/select-postings.js";
import type { MemorySeries } from "./memory-series.js";
import type { AppendOutcome } from "./out-of-order-samples.js";
import { SeriesMap } from "./series-map.js";

/** Samples staged by a transaction that is neither committed nor rolled back: their series must not end. */
export interface OpenTransaction {
  stagedRefs(): Iterable<SeriesRef>;
}

export class Head {
  readonly series = new SeriesMap();
  readonly #postings = new MemoryPostings();
  readonly #transactions = new Set<OpenTransaction>();
  #lastCommit: Promise<unknown> = Promise.resolve();
  #generation = 1;
  #sampleCount = 0;
  #minTime: TimestampMs = Infinity;
  #maxTime: TimestampMs = -Infinity;

  get sampleCount(): number {
    return this.#sampleCount;
  }

  /** Undefined when the head is empty. */
  get range(): TimeRange | undefined {
    return this.#sampleCount === 0 ? undefined : { minTime: this.#minTime, maxTime: this.#maxTime };
  }

  /** Counts the cuts begun. A log record is of the generation in which it was applied. */
  get generation(): number {
    return this.#generation;
  }

  /** Creates a series that does not exist, under the next ref or the one that a log gave it. Invisible until a sample is applied. */
  create(labels: Labels, ref?: SeriesRef): MemorySeries {
    const series = this.series.add(labels, ref);
    this.#postings.add(series.ref, labels);
    return series;
  }

  /** Visible series that all matchers accept, in no order. */
  select(matchers: readonly Matcher[]): MemorySeries[] {
    const selected: MemorySeries[] = [];
    for (const ref of selectPostings(this.#postings, matchers)) {
      const series = this.series.at(ref as SeriesRef)!;
      if (series.sampleCount > 0) selected.push(series);
    }
    return selected;
  }

  /** Applies one logged sample: `values[index]` at `time`. */
  apply(series: MemorySeries, time: TimestampMs, values: Float64Array, index: number): AppendOutcome {
    const outcome = series.append(time, values, index);
    if (outcome === "appended") {
      this.#sampleCount++;
      if (time < this.#minTime) this.#minTime = time;
      if (time > this.#maxTime) this.#maxTime = time;
    }
    return outcome;
  }

  /** Deletes what the series that all matchers accept have in the range: the application of a logged deletion. */
  deleteSamples(matchers: readonly Matcher[], range: TimeRange): void {
    for (const series of this.select(matchers)) if (rangesOverlap(series, range)) series.deleteSamples(range);
    this.recount();
  }

  /** Samples in chunks that begin before `end`: about how many samples a cut at `end` would take. */
  countBelow(end: TimestampMs): number {
    let count = 0;
    if (this.#minTime < end) for (const series of this.series) count += series.countBelow(end);
    return count;
  }

  begin(transaction: OpenTransaction): void {
    this.#transactions.add(transaction);
  }

  end(transaction: OpenTransaction): void {
    this.#transactions.delete(transaction);
  }

  /**
   * Runs `apply` when `logged` has resolved and all that was passed here before is done: to be called in log
   * order. Rejects, without applying, when `logged` rejects.
   */
  applyInOrder<T>(logged: Promise<void>, apply: () => T): Promise<T> {
    const previous = this.#lastCommit;
    const applied = logged.then(() => previous).then(apply);
    this.#lastCommit = applied.catch(() => undefined);
    return applied;
  }

  /** Resolves when every commit that has begun is applied or has failed. */
  async settled(): Promise<void> {
    await this.#lastCommit;
  }

  beginGeneration(): void {
    this.#generation++;
  }

  /** Recomputes count and range after samples were dropped or deleted. */
  recount(): void {
    this.#sampleCount = 0;
    this.#minTime = Infinity;
    this.#maxTime = -Infinity;
    for (const series of this.series) {
      if (series.sampleCount === 0) continue;
      this.#sampleCount += series.sampleCount;
      this.#minTime = Math.min(this.#minTime, series.minTime);
      this.#maxTime = Math.max(this.#maxTime, series.maxTime);
    }
  }

  /** Ends the series of the third invariant. Returns how many. */
  endIdleSeries(): number {
    const staged = new Set<SeriesRef>();
    for (const transaction of this.#transactions) for (const ref of transaction.stagedRefs()) staged.add(ref);
    const idle = [...this.series].filter(
      (series) => series.sampleCount === 0 && series.loggedIn < this.#generation && !staged.has(series.ref),
    );
    this.series.remove(idle);
    this.#postings.remove(idle.map((series) => series.ref));
    return idle.length;
  }
}
