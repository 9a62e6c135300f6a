/**
 * HeadAppender: one transaction on the head. Stage, log, apply.
 *
 *   append   stages    a row of columns: series, time, value. A new series gets its ref, but is invisible.
 *   commit   logs      one record: the series that none has named yet, then the samples as staged
 *            applies   in log order, in one synchronous run: samples become visible, or lose against one
 *                      that was there first
 *
 * Invariants
 *  1. Nothing is visible before it is durable, and a transaction becomes visible as a whole: one record, one run.
 *  2. Staging refuses only what is wrong by itself. What depends on other samples is decided when applying, in
 *     log order, because a replay applies the same records in the same order and must decide the same.
 *  3. A record names every series that no durable record has named: so transactions that commit at once may
 *     name one twice, and none relies on a record that may yet fail.
 *  4. A series with staged samples does not end (see Head), so staged refs stay good until commit or rollback.
 */

import type { Appender, CommitResult, RejectReason } from "../../model/appendable.js";
import { ClosedError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import { isTimestampMs, type TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import type { SeriesDefinition, TransactionRecord } from "../wal/wal-record.js";
import type { Head } from "./head.js";
import { areStorableLabels } from "./label-rules.js";
import { Rejections } from "./rejections.js";
import type { StagedSamples } from "./staged-samples.js";

/** Hands a record to the log at once. Resolves when it is durable; rejects when it is not acknowledged. */
export type LogTransaction = (record: TransactionRecord) => Promise<void>;

export class HeadAppender implements Appender {
  readonly #head: Head;
  readonly #log: LogTransaction;
  readonly #oldestTime: TimestampMs;
  /** Undefined until the first sample, and after the end. */
  #staged: StagedSamples | undefined;
  readonly #rejections = new Rejections();
  #isOpen = true;

  /** Samples before `oldestTime` are rejected: retention would drop them. */
  constructor(head: Head, log: LogTransaction, oldestTime: TimestampMs = -Infinity) {
    this.#head = head;
    this.#log = log;
    this.#oldestTime = oldestTime;
  }

  append(ref: SeriesRef, labels: Labels, time: TimestampMs, value: number): SeriesRef {
    const slot = this.#admit(ref, labels, time, value);
    if (slot === 0) return ref;
    const seriesRef = this.#head.series.refOf(slot);
    this.#staged ??= this.#head.begin();
    this.#staged.push(slot, seriesRef, time, value);
    return seriesRef;
  }

  appendStale(ref: SeriesRef, labels: Labels, time: TimestampMs): SeriesRef {
    const slot = this.#admit(ref, labels, time, Number.NaN);
    if (slot === 0) return ref;
    const seriesRef = this.#head.series.refOf(slot);
    this.#staged ??= this.#head.begin();
    this.#staged.pushStale(slot, seriesRef, time);
    return seriesRef;
  }

  async commit(): Promise<CommitResult> {
    this.#assertOpen();
    this.#isOpen = false;
    const staged = this.#staged;
    try {
      const appended = staged === undefined ? 0 : await this.#logAndApply(staged);
      return { appended, rejected: this.#rejections.byReason() };
    } finally {
      this.#end();
    }
  }

  rollback(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#end();
  }

  #end(): void {
    if (this.#staged !== undefined) this.#head.end(this.#staged);
    this.#staged = undefined;
  }

  /** The slot of the series for a sample, found or created; 0 when the sample is wrong by itself. */
  #admit(ref: SeriesRef, labels: Labels, time: TimestampMs, value: number): number {
    this.#assertOpen();
    if (!isTimestampMs(time)) return this.#reject("invalid-time", labels, time, value);
    if (time < this.#oldestTime) return this.#reject("too-old", labels, time, value);
    const slot = this.#head.series.find(labels, ref) || this.#create(labels);
    if (slot === 0) return this.#reject("invalid-labels", labels, time, value);
    return slot;
  }

  #create(labels: Labels): number {
    return areStorableLabels(labels) ? this.#head.create(labels) : 0;
  }

  #logAndApply(staged: StagedSamples): Promise<number> {
    const unnamed = this.#unnamedSeries(staged);
    const logged = this.#log({ kind: "transaction", series: unnamed, samples: staged });
    return this.#head.applyInOrder(logged, () => this.#apply(staged));
  }

  /** The staged series that no record has named yet, each once. */
  #unnamedSeries(staged: StagedSamples): readonly SeriesDefinition[] {
    const unnamed = new Set<number>();
    for (const slot of staged.stagedSlots()) if (!this.#head.isNamed(slot)) unnamed.add(slot);
    const { series } = this.#head;
    return Array.from(unnamed, (slot) => ({ ref: series.refOf(slot), labels: series.labelsOf(slot) }));
  }

  /** Returns how many samples are stored now, repetitions of stored ones included. */
  #apply({ slots, times, values, length }: StagedSamples): number {
    const head = this.#head;
    let conflicts = 0;
    for (let i = 0; i < length; i++) {
      const slot = slots[i]!;
      head.markNamed(slot);
      if (head.apply(slot, times[i]!, values, i) !== "conflicting") continue;
      this.#reject("duplicate-time", head.series.labelsOf(slot), times[i]!, values[i]!);
      conflicts++;
    }
    return length - conflicts;
  }

  /** Returns 0, for no series. */
  #reject(reason: RejectReason, labels: Labels, time: TimestampMs, value: number): 0 {
    this.#rejections.add(reason, { labels, time, value });
    return 0;
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new ClosedError("the appender was committed or rolled back before this call");
  }
}
