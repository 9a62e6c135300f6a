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
 *  4. An exact repetition of an in-order sample is not logged when that sample is applied and stands in a durable
 *     record of this process: then nothing is left to be done. This is looked at when committing, as a
 *     deletion may come after staging, and is not so while one is on its way.
 *  5. A series with staged samples does not end (see Head), so staged refs stay good until commit or rollback.
 */

import type {
  AppendColumns,
  Appender,
  CommitResult,
  RejectionListener,
  RejectReason,
} from "../../model/appendable.js";
import { assert } from "../../model/assert.js";
import { ClosedError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import { isTimestampMs, type TimestampMs } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import type { LoggedTransaction } from "../wal/wal-record.js";
import { type AgeLimit, ANY_AGE } from "./age-limit.js";
import type { Head } from "./head.js";
import { areStorableLabels } from "./label-rules.js";
import { Rejections } from "./rejections.js";
import type { StagedSamples } from "./staged-samples.js";

/** Hands a record to the log at once. Resolves when it is durable; rejects when it is not acknowledged. */
export type LogTransaction = (record: LoggedTransaction) => Promise<void>;

export class HeadAppender implements Appender {
  readonly #head: Head;
  readonly #log: LogTransaction;
  readonly #ageLimit: AgeLimit;
  readonly #onRejected: RejectionListener | undefined;
  /** Undefined until the first sample, and after the end. */
  #staged: StagedSamples | undefined;
  readonly #rejections = new Rejections();
  #isOpen = true;

  /** Samples that are older than `ageLimit` says are rejected: retention would drop them. */
  constructor(head: Head, log: LogTransaction, ageLimit: AgeLimit = ANY_AGE, onRejected?: RejectionListener) {
    this.#head = head;
    this.#log = log;
    this.#ageLimit = ageLimit;
    this.#onRejected = onRejected;
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

  appendColumns(columns: AppendColumns): readonly number[] {
    this.#assertOpen();
    const { refs, times, values, length } = columns;
    assert(length <= Math.min(refs.length, times.length, values.length), "the columns hold `length` rows");
    this.#staged ??= this.#head.begin();
    const slots = this.#head.slotsOf(columns);
    const { recentFrom } = this.#ageLimit;
    const ended: number[] = [];
    let staged = 0;
    for (let row = 0; row < length; row++) {
      const time = times[row]!;
      if (slots[row] !== 0 && time >= recentFrom && isTimestampMs(time)) continue;
      if (slots[row] === 0) ended.push(row);
      else if (this.#admitRow(slots[row]!, columns, row)) continue;
      this.#staged.pushRows(slots, columns, staged, row);
      staged = row + 1;
    }
    this.#staged.pushRows(slots, columns, staged, length);
    return ended;
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
    const reason = this.#faultOf(labels, time);
    if (reason !== undefined) return this.#reject(reason, labels, time, value);
    const slot = this.#head.series.find(labels, ref) || this.#create(labels);
    if (slot === 0) return this.#reject("invalid-labels", labels, time, value);
    return slot;
  }

  /** Whether the sample is not wrong by itself. */
  #admitRow(slot: number, { times, values }: AppendColumns, row: number): boolean {
    const labels = this.#head.series.labelsOf(slot);
    const reason = this.#faultOf(labels, times[row]!);
    if (reason !== undefined) this.#reject(reason, labels, times[row]!, values[row]!);
    return reason === undefined;
  }

  #faultOf(labels: Labels, time: TimestampMs): RejectReason | undefined {
    if (!isTimestampMs(time)) return "invalid-time";
    const { recentFrom } = this.#ageLimit;
    return time < recentFrom && time < this.#ageLimit.oldestTimeOf(labels) ? "too-old" : undefined;
  }

  #create(labels: Labels): number {
    return areStorableLabels(labels) ? this.#head.createOwn(labels) : 0;
  }

  async #logAndApply(staged: StagedSamples): Promise<number> {
    const stagedCount = staged.length;
    const logged = this.#logStaged(staged);
    if (logged === undefined) return stagedCount;
    return stagedCount - (await this.#head.applyInOrder(logged, () => this.#apply(staged)));
  }

  /**
   * Returns nothing when all of it is there already. A function of its own, so that what it needs of new series is garbage
   * at once: what waits for the disk would keep it, and the garbage collector take it for what stays.
   */
  #logStaged(staged: StagedSamples): Promise<void> | undefined {
    const { series, samples } = this.#head;
    const unnamed = new Set<number>();
    const repeated: number[] = [];
    samples.screenRows(
      staged,
      (row) => unnamed.add(staged.slots[row]!),
      (row) => repeated.push(row),
    );
    if (!this.#head.hasPendingDeletions) staged.remove(repeated);
    if (staged.length === 0) return undefined;
    return this.#log({ kind: "transaction", series: series.logged([...unnamed]), samples: staged });
  }

  /** Returns how many samples are not stored. */
  #apply(staged: StagedSamples): number {
    const head = this.#head;
    let conflicts = 0;
    head.applyRows(staged, (row, outcome) => {
      if (outcome !== "conflicting") return;
      const labels = head.series.labelsOf(staged.slots[row]!);
      this.#reject("duplicate-time", labels, staged.times[row]!, staged.values[row]!);
      conflicts++;
    });
    return conflicts;
  }

  /** Returns 0, for no series. */
  #reject(reason: RejectReason, labels: Labels, time: TimestampMs, value: number): 0 {
    const sample = { labels, time, value };
    this.#rejections.add(reason, sample);
    this.#onRejected?.(reason, sample);
    return 0;
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new ClosedError("the appender was committed or rolled back before this call");
  }
}
