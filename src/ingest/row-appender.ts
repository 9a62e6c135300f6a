/**
 * RowAppender: decoded rows on their way into an Appender, with the metric prefix and the labels that the user
 * asked to be added; and MalformedRows, the rows that could not be decoded.
 */

import type { Appender, CommitResult, Rejection, RejectReason } from "../model/appendable.js";
import type { MalformedRow } from "../model/importing.js";
import { Labels, METRIC_NAME } from "../model/labels.js";
import type { TimeRange, TimestampMs } from "../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../model/series.js";
import { compareText } from "../model/text-order.js";

export interface RowOptions {
  /** Put before each metric name. */
  readonly metricPrefix?: string | undefined;
  /** Added to every series; a label of the row wins. */
  readonly extraLabels?: Readonly<Record<string, string>> | undefined;
}

/** A series as rows name it: made once by `RowAppender.series`, then given with each of its samples. */
export interface RowSeries {
  readonly labels: Labels;
  ref: SeriesRef;
}

const metricNamesMax = 1000;

export class RowAppender {
  /** Of all samples given, whatever became of them. */
  sampleCount = 0;
  readonly metricPrefix: string;
  readonly #refs = new Set<SeriesRef>();
  readonly #metricNames = new Set<string>();
  #minTime = Infinity;
  #maxTime = -Infinity;
  #appender: Appender;
  readonly #extraLabels: readonly (readonly [string, string])[];

  constructor(appender: Appender, options: RowOptions) {
    this.#appender = appender;
    this.metricPrefix = options.metricPrefix ?? "";
    this.#extraLabels = Object.entries(options.extraLabels ?? {});
  }

  /** Distinct series that the appender has taken samples for. */
  get seriesCount(): number {
    return this.#refs.size;
  }

  /** Names of these series' metrics, sorted, a thousand at most. */
  get metricNames(): readonly string[] {
    return [...this.#metricNames].sort(compareText);
  }

  /** Of all samples given; undefined before the first. */
  get timeRange(): TimeRange | undefined {
    return this.sampleCount === 0 ? undefined : { minTime: this.#minTime, maxTime: this.#maxTime };
  }

  series(labels: Labels): RowSeries {
    return { labels: this.#decorate(labels), ref: NO_SERIES };
  }

  append(series: RowSeries, time: TimestampMs, value: number): void {
    this.#count(series, this.#appender.append(series.ref, series.labels, time, value), time);
  }

  appendStale(series: RowSeries, time: TimestampMs): void {
    this.#count(series, this.#appender.appendStale(series.ref, series.labels, time), time);
  }

  /** Goes on in another transaction: the caller has committed the one before. */
  continueIn(appender: Appender): void {
    this.#appender = appender;
  }

  #count(series: RowSeries, ref: SeriesRef, time: TimestampMs): void {
    if (ref !== series.ref) {
      series.ref = ref;
      if (ref !== NO_SERIES) this.#remember(series);
    }
    this.sampleCount++;
    if (time < this.#minTime) this.#minTime = time;
    if (time > this.#maxTime) this.#maxTime = time;
  }

  #remember({ ref, labels }: RowSeries): void {
    this.#refs.add(ref);
    if (this.#metricNames.size < metricNamesMax) this.#metricNames.add(labels.get(METRIC_NAME));
  }

  #decorate(labels: Labels): Labels {
    if (this.metricPrefix === "" && this.#extraLabels.length === 0) return labels;
    const pairs = new Map<string, string>(this.#extraLabels);
    for (const [name, value] of labels) pairs.set(name, value);
    if (this.metricPrefix !== "") pairs.set(METRIC_NAME, this.metricPrefix + labels.get(METRIC_NAME));
    return Labels.from(pairs);
  }
}

const namedRowsMax = 100;

/** Counts rows that cannot be read, and keeps the first hundred. */
export class MalformedRows {
  count = 0;
  readonly first: MalformedRow[] = [];

  /** One row, or `rows` of them that share a reason. */
  add(line: number, reason: string, rows = 1): void {
    this.count += rows;
    if (this.first.length < namedRowsMax) this.first.push({ line, reason });
  }
}

/** The sum of several transactions: of each reason the earliest sample stays named. */
export function mergeCommitResults(results: Iterable<CommitResult>): CommitResult {
  let appended = 0;
  const rejected = new Map<RejectReason, Rejection>();
  for (const result of results) {
    appended += result.appended;
    for (const [reason, { count, first }] of result.rejected) {
      const earlier = rejected.get(reason);
      rejected.set(reason, { count: count + (earlier?.count ?? 0), first: earlier?.first ?? first });
    }
  }
  return { appended, rejected };
}
