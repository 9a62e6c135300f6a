/**
 * Head: the newest samples, in memory. Owns the series, their postings, and the order in which commits apply.
 *
 * State of arrays: a series is a slot, an index of columns (SeriesMap for who it is, HeadSamples for what it has).
 *
 * Invariants
 *  1. Only logged samples are applied, in log order (`applyInOrder`): a replay decides every conflict the same.
 *  2. Reads and writes are synchronous: what is gathered in one run is one state, without half a commit.
 *  3. A series ends only when it has no samples, no open transaction has staged any for it, and no log record of
 *     the current generation names it. So a segment of the log that is kept never names a series whose record
 *     went with the segments that were truncated.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { AppendColumns } from "../../model/appendable.js";
import { assert } from "../../model/assert.js";
import { Labels } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import type { TimeRange, TimestampMs } from "../../model/sample.js";
import type { EncodedChunk, SeriesRef } from "../../model/series.js";
import type { ScratchFile } from "../fs/file-system.js";
import { MemoryPostings } from "../index/memory-postings.js";
import { selectPostings } from "../index/select-postings.js";
import { HeadIndex } from "./head-index.js";
import { HeadSamples } from "./head-samples.js";
import type { AppendOutcome } from "./out-of-order-samples.js";
import { SeriesMap } from "./series-map.js";
import type { SlotColumns } from "./series-states.js";
import { StagedSamples } from "./staged-samples.js";

/**
 * Columns of ended transactions that are kept for others: so many, with room for so many samples together. All that wait
 * for the disk at once need their own, and new ones are garbage outside of the heap, which is seldom collected.
 */
const sparesMax = 128;
const spareSamplesMax = 262_144;
/** What is looked at between two turns of the event loop. */
const slotsPerTurn = 1024;

export interface HeadCapacity {
  /** Slots, used and free. */
  readonly slots: number;
  /** Label pairs held. */
  readonly pairs: number;
  readonly closedChunkBytes: number;
  readonly openChunkBytes: number;
}

export class Head {
  readonly series = new SeriesMap();
  readonly samples: HeadSamples;
  readonly index = new HeadIndex(this);
  /** Series that have ended so far. */
  endedCount = 0;
  readonly #postings = new MemoryPostings((ref) => {
    const slot = this.series.slotOf(ref as SeriesRef);
    return slot === 0 ? Labels.empty : this.series.labelsOf(slot);
  }, this.series.pairs);
  /** Samples of transactions that are neither committed nor rolled back: their series must not end. */
  readonly #transactions = new Set<StagedSamples>();
  readonly #spares: StagedSamples[] = [];
  #spareSamples = 0;
  #slots = new Uint32Array(0);
  /** Never rejects. One that failed before those in front of it were applied stands for these. */
  #lastCommit: Promise<unknown> = Promise.resolve();
  #pendingDeletions = 0;
  #generation = 1;
  #sampleCount = 0;
  #times = new TimeBounds();
  /** Those that are being found anew, while they are. */
  #nextTimes: TimeBounds | undefined;

  /** `scratch`, which is closed with the head, takes old chunks, so that they take no memory. */
  constructor(scratch?: ScratchFile) {
    this.samples = new HeadSamples(undefined, scratch);
  }

  get sampleCount(): number {
    return this.#sampleCount;
  }

  /** Undefined when the head is empty. */
  get range(): TimeRange | undefined {
    const { minTime, maxTime } = this.#times;
    return this.#sampleCount === 0 ? undefined : { minTime, maxTime };
  }

  /** Visible series and their chunks. */
  count(): { readonly series: number; readonly chunks: number } {
    let series = 0;
    let chunks = this.samples.finishedChunkCount();
    for (const slot of this.series) {
      if (this.samples.sampleCountOf(slot) === 0) continue;
      series++;
      if (this.samples.states.openCountOf(slot) > 0) chunks++;
    }
    return { series, chunks };
  }

  /** What the head holds and may give to others: series that ended must not stay in it. */
  capacity(): HeadCapacity {
    return { ...this.series.capacity(), ...this.samples.capacity() };
  }

  /** Creates a series that does not exist, under the next ref or the one that a log gave it. Invisible until a sample is applied. */
  create(labels: Labels, ref?: SeriesRef): number {
    const slot = this.series.add(labels, ref);
    this.#begin(slot);
    return slot;
  }

  /** As `create`, of a series of which no earlier process has logged anything that is in the head. */
  createOwn(labels: Labels): number {
    const slot = this.create(labels);
    this.samples.states.markOwn(slot);
    return slot;
  }

  /** As `createOwn`, of a series with the pairs from `from` to `to`, excluded. */
  createOwnOfPairs(pairs: Uint32Array, from: number, to: number): number {
    const slot = this.series.addPairs(pairs, from, to);
    this.#begin(slot);
    this.samples.states.markOwn(slot);
    return slot;
  }

  /** The inverted index: of all series, also of those that are not visible yet. */
  get postings(): MemoryPostings {
    return this.#postings;
  }

  /** Whether the series is visible and may have samples in the range. */
  isVisibleIn(ref: SeriesRef, range: TimeRange): boolean {
    const slot = this.series.slotOf(ref);
    return this.samples.sampleCountOf(slot) > 0 && this.samples.mayOverlap(slot, range);
  }

  /** Slots of the visible series that all matchers accept, in no order. */
  select(matchers: readonly Matcher[]): number[] {
    const selected: number[] = [];
    for (const ref of selectPostings(this.#postings, matchers)) {
      const slot = this.series.slotOf(ref as SeriesRef);
      if (this.samples.sampleCountOf(slot) > 0) selected.push(slot);
    }
    return selected;
  }

  /** As `select`, only those that may have samples in the range. */
  selectIn(matchers: readonly Matcher[], range: TimeRange): number[] {
    return this.select(matchers).filter((slot) => this.samples.mayOverlap(slot, range));
  }

  /** Whether a durable record of this process has named the series. */
  isNamed(slot: number): boolean {
    return this.samples.states.isNamed(slot);
  }

  /** Applies rows of a record that this process has logged: see HeadSamples.appendRows. */
  applyRows(rows: SlotColumns, onOther: (row: number, outcome: AppendOutcome) => void): void {
    this.#applyRows(rows, this.#generation, onOther);
  }

  /** Applies rows of a record of an earlier process. */
  replayRows(rows: SlotColumns): void {
    this.#applyRows(rows, undefined, () => {});
  }

  /** Applies a whole logged chunk that is newer than everything of its series; returns false when it is not. */
  applyChunk(slot: number, chunk: EncodedChunk): boolean {
    if (!this.samples.appendChunk(slot, chunk)) return false;
    this.#countIn(chunk.count, chunk.minTime, chunk.maxTime);
    return true;
  }

  /** Applies a deletion in log order: see applyInOrder, deleteSamples. */
  applyDeletion(logged: Promise<void>, matchers: readonly Matcher[], range: TimeRange): Promise<void> {
    this.#pendingDeletions++;
    return this.applyInOrder(logged, () => this.deleteSamples(matchers, range)).finally(() => {
      this.#pendingDeletions--;
    });
  }

  /** Whether a deletion is logged, or being logged, that is not applied yet. */
  get hasPendingDeletions(): boolean {
    return this.#pendingDeletions > 0;
  }

  /** Deletes what the series that all matchers accept have in the range: the application of a logged deletion. */
  deleteSamples(matchers: readonly Matcher[], range: TimeRange): void {
    const slots = this.selectIn(matchers, range);
    for (const slot of slots) this.samples.deleteSamples(slot, range);
    if (slots.length > 0) this.#recount();
  }

  /** Samples in chunks that begin before `end`: about how many samples a cut at `end` would take. */
  countBelow(end: TimestampMs): number {
    let count = 0;
    if (this.#times.minTime < end)
      for (const slot of this.series) count += this.samples.countBelow(slot, end);
    return count;
  }

  /** The slots of the series that the refs stand for, 0 for none: borrowed until the next call. */
  slotsOf({ refs, length }: AppendColumns): Uint32Array {
    if (this.#slots.length < length) this.#slots = new Uint32Array(Math.max(length, 2 * this.#slots.length));
    this.series.slotsOf(refs, length, this.#slots);
    return this.#slots;
  }

  /** Empty columns for a transaction that stages its first sample, until `end`. */
  begin(): StagedSamples {
    const spare = this.#spares.pop();
    if (spare !== undefined) this.#spareSamples -= spare.capacity;
    const staged = spare ?? new StagedSamples();
    this.#transactions.add(staged);
    return staged;
  }

  /** Ends a transaction: its columns are not its own any more. */
  end(staged: StagedSamples): void {
    const wasOpen = this.#transactions.delete(staged);
    const spareSamples = this.#spareSamples + staged.capacity;
    if (!wasOpen || this.#spares.length >= sparesMax || spareSamples > spareSamplesMax) return;
    staged.clear();
    this.#spares.push(staged);
    this.#spareSamples = spareSamples;
  }

  /**
   * Runs `apply` when `logged` has resolved and all that was passed here before is done: to be called in log
   * order. Rejects, without applying, when `logged` rejects.
   */
  applyInOrder<T>(logged: Promise<void>, apply: () => T): Promise<T> {
    const previous = this.#lastCommit;
    const applied = logged.then(() => previous).then(apply);
    this.#lastCommit = applied.catch(() => previous);
    return applied;
  }

  /** Nothing can be read of it afterwards. */
  close(): void {
    this.samples.close();
  }

  /** Resolves when every commit that has begun is applied or has failed. */
  async settled(): Promise<void> {
    await this.#lastCommit;
  }

  /** A log record is of the generation in which it is applied. Each cut begins one. */
  beginGeneration(): void {
    this.#generation++;
    this.series.forgetLastLabels();
  }

  /** Of so many samples that were dropped. Finds the range anew, in turns; nothing may be deleted meanwhile. */
  async countOut(dropped: number): Promise<void> {
    this.#sampleCount -= dropped;
    const times = new TimeBounds();
    this.#nextTimes = times;
    for (let slot = 1; slot < this.series.slotsEnd; slot++) {
      if (slot % slotsPerTurn === 0) await nextTurn();
      if (this.series.isLive(slot) && this.samples.sampleCountOf(slot) > 0)
        times.take(this.samples.minTimeOf(slot), this.samples.maxTimeOf(slot));
    }
    this.#times = times;
    this.#nextTimes = undefined;
  }

  /** Ends the series of the third invariant, in turns. Returns how many. */
  async endIdleSeries(): Promise<number> {
    const endedRefs: SeriesRef[] = [];
    let staged: ReadonlySet<number> | undefined;
    for (let slot = 1; slot < this.series.slotsEnd; slot++) {
      if (slot % slotsPerTurn === 0) {
        await nextTurn();
        staged = undefined;
      }
      if (!this.series.isLive(slot) || !this.#isIdle(slot)) continue;
      staged ??= this.#stagedSlots();
      if (staged.has(slot)) continue;
      endedRefs.push(this.series.refOf(slot));
      this.series.remove(slot);
      this.endedCount++;
    }
    await this.#postings.remove(endedRefs);
    return endedRefs.length;
  }

  #begin(slot: number): void {
    const ref = this.series.refOf(slot);
    this.samples.begin(slot);
    this.series.withPairs(slot, (page, from, to) => this.#postings.addPairs(ref, page, from, to));
  }

  #isIdle(slot: number): boolean {
    return (
      this.samples.sampleCountOf(slot) === 0 && this.samples.states.isUnnamedSince(slot, this.#generation)
    );
  }

  #stagedSlots(): ReadonlySet<number> {
    const staged = new Set<number>();
    for (const transaction of this.#transactions)
      for (const slot of transaction.stagedSlots()) staged.add(slot);
    return staged;
  }

  /** Count and range after samples were deleted. */
  #recount(): void {
    assert(this.#nextTimes === undefined, "nothing is deleted while a cut drops what it has taken");
    this.#sampleCount = 0;
    this.#times = new TimeBounds();
    for (const slot of this.series) {
      const count = this.samples.sampleCountOf(slot);
      if (count > 0) this.#countIn(count, this.samples.minTimeOf(slot), this.samples.maxTimeOf(slot));
    }
  }

  #applyRows(
    rows: SlotColumns,
    generation: number | undefined,
    onOther: (row: number, outcome: AppendOutcome) => void,
  ): void {
    const { times, length } = rows;
    let count = length;
    this.samples.appendRows(rows, generation, (row, outcome) => {
      count--;
      onOther(row, outcome);
    });
    // The head has a sample at each of the times, stored now or before.
    let minTime = Infinity;
    let maxTime = -Infinity;
    for (let row = 0; row < length; row++) {
      const time = times[row]!;
      if (time < minTime) minTime = time;
      if (time > maxTime) maxTime = time;
    }
    this.#countIn(count, minTime, maxTime);
  }

  #countIn(count: number, minTime: TimestampMs, maxTime: TimestampMs): void {
    this.#sampleCount += count;
    this.#times.take(minTime, maxTime);
    this.#nextTimes?.take(minTime, maxTime);
  }
}

class TimeBounds {
  minTime: TimestampMs = Infinity;
  maxTime: TimestampMs = -Infinity;

  take(minTime: TimestampMs, maxTime: TimestampMs): void {
    if (minTime < this.minTime) this.minTime = minTime;
    if (maxTime > this.maxTime) this.maxTime = maxTime;
  }
}
