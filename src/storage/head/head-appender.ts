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
import type { TransactionRecord } from "../wal/wal-record.js";
import type { Head } from "./head.js";
import { areStorableLabels } from "./label-rules.js";
import type { MemorySeries } from "./memory-series.js";
import { Rejections } from "./rejections.js";
import { StagedSamples } from "./staged-samples.js";

/** Hands a record to the log at once. Resolves when it is durable; rejects when it is not acknowledged. */
export type LogTransaction = (record: TransactionRecord) => Promise<void>;

export class HeadAppender implements Appender {
  readonly #head: Head;
  readonly #log: LogTransaction;
  readonly #staged = new StagedSamples();
  readonly #rejections = new Rejections();
  #isOpen = true;

  constructor(head: Head, log: LogTransaction) {
    this.#head = head;
    this.#log = log;
  }

  append(ref: SeriesRef, labels: Labels, time: TimestampMs, value: number): SeriesRef {
    const series = this.#admit(ref, labels, time, value);
    if (series === undefined) return ref;
    this.#staged.push(series.ref, time, value);
    return series.ref;
  }

  appendStale(ref: SeriesRef, labels: Labels, time: TimestampMs): SeriesRef {
    const series = this.#admit(ref, labels, time, Number.NaN);
    if (series === undefined) return ref;
    this.#staged.pushStale(series.ref, time);
    return series.ref;
  }

  async commit(): Promise<CommitResult> {
    this.#assertOpen();
    this.#isOpen = false;
    try {
      const appended = this.#staged.length === 0 ? 0 : await this.#logAndApply();
      return { appended, rejected: this.#rejections.byReason() };
    } finally {
      this.#head.end(this.#staged);
    }
  }

  rollback(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#head.end(this.#staged);
  }

  /** The series for a sample, found or created; undefined when the sample is wrong by itself. */
  #admit(ref: SeriesRef, labels: Labels, time: TimestampMs, value: number): MemorySeries | undefined {
    this.#assertOpen();
    if (!isTimestampMs(time)) return this.#reject("invalid-time", labels, time, value);
    const series = this.#seriesOf(ref, labels);
    if (series === undefined) return this.#reject("invalid-labels", labels, time, value);
    if (this.#staged.length === 0) this.#head.begin(this.#staged);
    return series;
  }

  #seriesOf(ref: SeriesRef, labels: Labels): MemorySeries | undefined {
    const known = this.#head.series.at(ref);
    if (known?.labels.equals(labels)) return known;
    const found = this.#head.series.find(labels);
    return found ?? (areStorableLabels(labels) ? this.#head.create(labels) : undefined);
  }

  #logAndApply(): Promise<number> {
    const logged = this.#log({ kind: "transaction", series: this.#unnamedSeries(), samples: this.#staged });
    return this.#head.applyInOrder(logged, () => this.#apply());
  }

  /** The staged series that no record has named yet, each once. */
  #unnamedSeries(): readonly MemorySeries[] {
    const unnamed = new Set<MemorySeries>();
    for (let i = 0; i < this.#staged.length; i++) {
      const series = this.#stagedSeries(i);
      if (series.loggedIn === 0) unnamed.add(series);
    }
    return [...unnamed];
  }

  /** Returns how many samples are stored now, repetitions of stored ones included. */
  #apply(): number {
    const { times, values, length } = this.#staged;
    let conflicts = 0;
    for (let i = 0; i < length; i++) {
      const series = this.#stagedSeries(i);
      series.loggedIn = this.#head.generation;
      if (this.#head.apply(series, times[i]!, values, i) !== "conflicting") continue;
      this.#reject("duplicate-time", series.labels, times[i]!, values[i]!);
      conflicts++;
    }
    return length - conflicts;
  }

  #stagedSeries(index: number): MemorySeries {
    return this.#head.series.at(this.#staged.refAt(index))!;
  }

  #reject(reason: RejectReason, labels: Labels, time: TimestampMs, value: number): undefined {
    this.#rejections.add(reason, { labels, time, value });
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new ClosedError("the appender was committed or rolled back before this call");
  }
}
