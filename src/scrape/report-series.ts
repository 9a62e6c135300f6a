/**
 * ReportSeries: the series that tell about a target's scrapes themselves: `up` and those whose names begin with `scrape_`.
 */

import type { Appender } from "../model/appendable.js";
import { Labels, METRIC_NAME } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../model/series.js";

/** Of one scrape. */
export interface ScrapeReport {
  readonly isUp: boolean;
  readonly durationMs: number;
  /** Samples that the page had, those that relabelling kept, and series that were not there before. */
  readonly scraped: number;
  readonly kept: number;
  readonly added: number;
  readonly timeoutMs: number;
  readonly samplesMax: number;
  /** Uncompressed, also of a page of an unknown type; 0 when there was no page, -1 when it was larger than its limit. */
  readonly bodySizeBytes: number;
}

type Column = readonly [name: string, value: (report: ScrapeReport) => number];

const columns: readonly Column[] = [
  ["up", ({ isUp }) => Number(isUp)],
  ["scrape_duration_seconds", ({ durationMs }) => durationMs / 1000],
  ["scrape_samples_scraped", ({ scraped }) => scraped],
  ["scrape_samples_post_metric_relabeling", ({ kept }) => kept],
  ["scrape_series_added", ({ added }) => added],
];

const extraColumns: readonly Column[] = [
  ["scrape_timeout_seconds", ({ timeoutMs }) => timeoutMs / 1000],
  ["scrape_sample_limit", ({ samplesMax }) => samplesMax],
  ["scrape_body_size_bytes", ({ bodySizeBytes }) => bodySizeBytes],
];

export class ReportSeries {
  readonly #series: { readonly column: Column; readonly labels: Labels; ref: SeriesRef }[];

  /** `target` are the labels of each; `withExtra` as `extra_scrape_metrics` says. */
  constructor(target: Labels, withExtra: boolean) {
    this.#series = [...columns, ...(withExtra ? extraColumns : [])].map((column) => ({
      column,
      labels: reportLabels(target, column[0]),
      ref: NO_SERIES,
    }));
  }

  append(appender: Appender, time: TimestampMs, report: ScrapeReport): void {
    for (const series of this.#series)
      series.ref = appender.append(series.ref, series.labels, time, series.column[1](report));
  }

  appendStale(appender: Appender, time: TimestampMs): void {
    for (const { ref, labels } of this.#series) appender.appendStale(ref, labels, time);
  }
}

/**
 * The target's labels, except `exported_NAME` of those that come before NAME in the alphabet when there is a NAME as well: as
 * Prometheus has it, which makes room for a label of the report that it does not have.
 */
function reportLabels(target: Labels, name: string): Labels {
  const labels = new Map([[METRIC_NAME, name]]);
  for (const [label, value] of target) {
    labels.delete(`exported_${label}`);
    labels.set(label, value);
  }
  return Labels.from(labels);
}
