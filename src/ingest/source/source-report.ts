/**
 * SourceReport: the series that are written about one source (see report-names.ts).
 *
 * Invariant: times increase, whatever the clock does: no report is ever rejected as a second value of one time.
 */

import type { Appender } from "../../model/appendable.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../../model/series.js";
import { HOLD, INTERVAL, LAST_SUCCESS, SAMPLES_ACCEPTED, SAMPLES_REJECTED, UP } from "./report-names.js";

/** Of the pushes since the report before. */
export interface ReportedSamples {
  readonly accepted: number;
  readonly rejected: number;
}

/** What is to be said of a source; a part that is undefined ends its series. */
export interface SourceFacts {
  /** Undefined while the source says it itself. */
  readonly isUp: boolean | undefined;
  readonly lastSuccess: TimestampMs | undefined;
  readonly intervalMs: number | undefined;
  /** Infinity for ever. */
  readonly holdMs: number | undefined;
  /** "unsaid" writes nothing. */
  readonly samples: ReportedSamples | "unsaid" | undefined;
}

const nothing: SourceFacts = {
  isUp: undefined,
  lastSuccess: undefined,
  intervalMs: undefined,
  holdMs: undefined,
  samples: undefined,
};

export class SourceReport {
  /** Of the last report; later than any that was read back. */
  lastTime: TimestampMs = -Infinity;
  /** Job, instance and what goes with them. */
  readonly labels: Labels;
  readonly #up: ReportSeries;
  readonly #lastSuccess: ReportSeries;
  readonly #interval: ReportSeries;
  readonly #hold: ReportSeries;
  readonly #accepted: ReportSeries;
  readonly #rejected: ReportSeries;

  constructor(labels: Labels) {
    this.labels = labels;
    const under = labelsUnder(labels);
    const named = (name: string) => new ReportSeries(under(name));
    this.#up = named(UP);
    this.#lastSuccess = named(LAST_SUCCESS);
    this.#interval = named(INTERVAL);
    this.#hold = named(HOLD);
    this.#accepted = named(SAMPLES_ACCEPTED);
    this.#rejected = named(SAMPLES_REJECTED);
  }

  has(labels: Labels): boolean {
    return this.#all().some((series) => series.labels.equals(labels));
  }

  /** Series with these names are in the database and have not ended. */
  restore(names: ReadonlySet<string>, lastTime: TimestampMs): void {
    this.lastTime = lastTime;
    for (const series of this.#all()) series.isLive = names.has(series.labels.get(METRIC_NAME));
  }

  /** The source writes `up` itself from now on: a series with the same labels does not end with ours. */
  yieldUpTo(labels: Labels): void {
    if (labels.equals(this.#up.labels)) this.#up.isLive = false;
  }

  /** Stages the facts at `now` or as soon after it as may be. Returns the number of samples staged. */
  write(appender: Appender, now: TimestampMs, facts: SourceFacts): number {
    const time = Math.max(now, this.lastTime + 1);
    this.lastTime = time;
    const { isUp, lastSuccess, intervalMs, holdMs, samples } = facts;
    const row = { appender, time };
    return (
      this.#up.write(row, isUp === undefined ? undefined : Number(isUp)) +
      this.#lastSuccess.write(row, inSeconds(lastSuccess)) +
      this.#interval.write(row, inSeconds(intervalMs)) +
      this.#hold.write(row, inSeconds(holdMs)) +
      (samples === "unsaid"
        ? 0
        : this.#accepted.write(row, samples?.accepted) + this.#rejected.write(row, samples?.rejected))
    );
  }

  /** Ends all of them. Returns the number of markers staged. */
  end(appender: Appender, now: TimestampMs): number {
    return this.write(appender, now, nothing);
  }

  #all(): readonly ReportSeries[] {
    return [this.#up, this.#lastSuccess, this.#interval, this.#hold, this.#accepted, this.#rejected];
  }
}

interface ReportRow {
  readonly appender: Appender;
  readonly time: TimestampMs;
}

class ReportSeries {
  readonly labels: Labels;
  isLive = false;
  #ref: SeriesRef = NO_SERIES;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  write({ appender, time }: ReportRow, value: number | undefined): number {
    if (value !== undefined) this.#ref = appender.append(this.#ref, this.labels, time, value);
    else if (this.isLive) this.#ref = appender.appendStale(this.#ref, this.labels, time);
    else return 0;
    this.isLive = value !== undefined;
    return 1;
  }
}

/** The labels under the name of a metric: all with one list of label names. */
function labelsUnder(labels: Labels): (metricName: string) => Labels {
  const named = labels.with({ [METRIC_NAME]: UP });
  const names = Array.from(named, ([name]) => name);
  return (metricName) =>
    Labels.fromSorted(
      names,
      names.map((name, i) => (name === METRIC_NAME ? metricName : named.valueAt(i))),
    );
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
