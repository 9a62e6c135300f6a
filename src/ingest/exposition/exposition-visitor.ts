/**
 * ExpositionVisitor: receives what the parser reads, line by line, in the order of the text.
 */

import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";

/** The series of one line, still as text. Valid only during the call that it is passed to. */
export interface SeriesText {
  /**
   * The raw text of the series as a string, one character per byte: equal for equal text, so that a cache can
   * skip `labels`. Not for display: not decoded as UTF-8.
   */
  key(): string;
  /** The series' labels, built anew at each call, the metric name included. */
  labels(): Labels;
  /** Names of labels that are given without a value: no such label, whoever else would add one. */
  emptyLabels(): readonly string[];
}

/** Metric types as the formats write them; `untyped` is the Prometheus format's word for `unknown`. */
export type MetricType =
  | "counter"
  | "gauge"
  | "histogram"
  | "summary"
  | "untyped"
  | "unknown"
  | "gaugehistogram"
  | "stateset"
  | "info";

export interface ExpositionVisitor {
  /** `time` is undefined when the line has none. A `NaN` in the text is an ordinary NaN. */
  sample(series: SeriesText, value: number, time: TimestampMs | undefined): void;
  /** A sample whose labels may not be: what follows says why. Only of the protobuf format. */
  refused?(): void;
  /** Follows the `sample` that it belongs to. */
  exemplar?(series: SeriesText, exemplar: SeriesText, value: number, time: TimestampMs | undefined): void;
  type?(metricName: string, type: MetricType): void;
  help?(metricName: string, text: string): void;
  unit?(metricName: string, unit: string): void;
  /**
   * A line that cannot be read (`line` counts from 1); nothing else of it is visited. Without this method
   * parsing is strict: the first malformed line throws MalformedInputError.
   */
  malformed?(line: number, reason: string): void;
}
