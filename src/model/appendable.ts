/**
 * The write contract: Appendable hands out Appenders, an Appender is one transaction.
 */

import type { Labels } from "./labels.js";
import type { Sample, SampleColumns, TimestampMs } from "./sample.js";
import type { SeriesRef } from "./series.js";
import type { SeriesIndex } from "./series-index.js";

export interface Appendable {
  /** `onRejected` is told of each sample that is not stored, before the commit resolves. */
  appender(onRejected?: RejectionListener): Appender;
  /** Whose refs its appenders take. */
  readonly index?: SeriesIndex;
}

/** Must not throw. */
export type RejectionListener = (reason: RejectReason, sample: RejectedSample) => void;

/**
 * Samples of series whose refs are known: row i is of the series `refs[i]`. The columns may be longer than `length`,
 * and may be views of a kernel's memory: they are borrowed for the call only.
 */
export interface AppendColumns extends SampleColumns {
  /** SeriesRefs, as `append` of an appender of the same Appendable returned them. */
  readonly refs: Uint32Array | Float64Array;
}

/**
 * One transaction: stage samples, then `commit` or `rollback`. Unusable afterwards (ClosedError).
 * Many appenders may be open at once; one appender is not for concurrent use.
 */
export interface Appender {
  /**
   * Stages one sample. Never throws for what the sample is: see CommitResult. Returns the series' ref; pass it
   * instead of 0 next time to skip the look-up by labels. A ref is a hint: `labels` must still be the series'
   * labels, and a ref that has ended is looked up again.
   */
  append(ref: SeriesRef, labels: Labels, time: TimestampMs, value: number): SeriesRef;
  /** Stages the end of a series: a staleness marker at `time`. (A NaN given to `append` is an ordinary NaN.) */
  appendStale(ref: SeriesRef, labels: Labels, time: TimestampMs): SeriesRef;
  /**
   * Stages a batch by refs alone: the fast way for whoever keeps refs. A value with the bits of a staleness marker is
   * one (see staleness.ts), other values keep their bits. Never throws for what a sample is: see CommitResult.
   * Returns the rows, in increasing order, whose ref has ended (or is 0), which are not staged: `append` them by their
   * labels, which gives them new refs.
   */
  appendColumns(columns: AppendColumns): readonly number[];
  /**
   * Logs, then applies what was staged. When the promise resolves the samples are durable (by the chosen
   * durability) and visible to queriers made from now on. Rejects with PoisonedError, StorageError or
   * ClosedError; then nothing of it is acknowledged.
   */
  commit(): Promise<CommitResult>;
  /** Forgets what was staged. May be called after `commit` has begun: then it does nothing. */
  rollback(): void;
}

/** What became of a commit's samples. Rejected samples are an outcome, not an error. */
export interface CommitResult {
  /** Samples stored, exact repetitions of stored samples (same series, time and value) included. */
  readonly appended: number;
  /** Samples not stored, by reason, the first of each named. A reason that did not occur is absent. */
  readonly rejected: ReadonlyMap<RejectReason, Rejection>;
}

export interface Rejection {
  readonly count: number;
  readonly first: RejectedSample;
}

export interface RejectedSample extends Sample {
  readonly labels: Labels;
}

/**
 * Why a sample was not stored: the series has another value at that time; the time is older than what is
 * accepted; the time is no integer or out of range; the labels are empty or without a metric name's rules.
 */
export type RejectReason = "duplicate-time" | "too-old" | "invalid-time" | "invalid-labels";
