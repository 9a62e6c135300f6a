/**
 * Metric families: metrics of one name and type, as a body of the Pushgateway API brings them and its groups hold them.
 */

import { formatFloat } from "../../model/float-text.js";
import { type Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { openMetricsFloat } from "../exposition/series-scanner.js";

export type FamilyType = "counter" | "gauge" | "summary" | "untyped" | "histogram" | "gaugehistogram";

export interface MetricFamily {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  readonly metrics: readonly Metric[];
}

export type Metric = SimpleMetric | Distribution;

interface MetricFacts {
  /** Without the name, and without `le` and `quantile` where these are bounds. */
  readonly labels: Labels;
  /** As in SeriesText; absent when there are none, or nobody asks. */
  readonly emptyLabels?: readonly string[];
  /** As pushed. */
  readonly time: TimestampMs | undefined;
}

export interface SimpleMetric extends MetricFacts {
  readonly kind: "simple";
  readonly value: number;
}

/** Of a histogram, with counts up to upper bounds, or of a summary, with values at quantiles. */
export interface Distribution extends MetricFacts {
  readonly kind: "distribution";
  readonly points: readonly (readonly [bound: number, value: number])[];
  readonly sum: number;
  readonly count: number;
}

/** Of one series. */
export interface FamilySample {
  readonly labels: Labels;
  readonly value: number;
  readonly time: TimestampMs | undefined;
}

export function isHistogram(type: FamilyType): boolean {
  return type === "histogram" || type === "gaugehistogram";
}

/** The label that bounds are written in; undefined for types that have none. */
export function boundLabelOf(type: FamilyType): "le" | "quantile" | undefined {
  if (isHistogram(type)) return "le";
  return type === "summary" ? "quantile" : undefined;
}

/** As a scrape of them would give: a histogram has its last bucket even when nobody has said it. */
export function samplesOf({ name, type, metrics }: MetricFamily): readonly FamilySample[] {
  const samples: FamilySample[] = [];
  for (const metric of metrics) {
    const { labels, time } = metric;
    const add = (metricName: string, value: number, bound: Readonly<Record<string, string>> = {}) =>
      samples.push({ labels: labels.with({ [METRIC_NAME]: metricName, ...bound }), value, time });
    if (metric.kind === "simple") {
      add(name, metric.value);
      continue;
    }
    const boundLabel = boundLabelOf(type)!;
    const pointName = boundLabel === "le" ? `${name}_bucket` : name;
    for (const [bound, value] of metric.points)
      add(pointName, value, { [boundLabel]: openMetricsFloat(formatFloat(bound)) });
    if (boundLabel === "le" && !metric.points.some(([bound]) => bound === Infinity))
      add(pointName, metric.count, { le: "+Inf" });
    add(`${name}_sum`, metric.sum);
    add(`${name}_count`, metric.count);
  }
  return samples;
}
