/**
 * What an export takes and works on: the contract between the database, its front ends and the writers of formats.
 */

import type { Labels } from "./labels.js";
import type { SampleColumns, TimeRange } from "./sample.js";

/** What to export: all samples of the range, both ends inclusive, default all time, of the series that match. */
export interface ExportSelection extends Partial<TimeRange> {
  /** Selectors as text, as `up{job="x"}`; a series that any of them selects counts. Default all series. */
  readonly match?: readonly string[];
}

export interface ExportOptions extends ExportSelection {
  readonly format: ExportFormat;
}

/**
 *   openmetrics   text that `promtool tsdb create-blocks-from` and any importer of OpenMetrics reads; it has no way
 *                 to say that a series ended, so staleness markers are left out, as are series without a metric name
 *   csv           one line a sample: time, a column for each label, value; "stale" stands for a staleness marker
 *   jsonl         one line for some thousand samples of a series, as VictoriaMetrics' /api/v1/export; loses nothing:
 *                 null stands for a staleness marker, "NaN" for an ordinary NaN
 */
export type ExportFormat = "openmetrics" | "csv" | "jsonl";

export const exportFormats: readonly ExportFormat[] = ["openmetrics", "csv", "jsonl"];

/** One series, its samples in strictly increasing time, a part at a time; to be walked once. */
export interface SeriesSamples {
  readonly labels: Labels;
  readonly parts: Iterable<SampleColumns>;
}
