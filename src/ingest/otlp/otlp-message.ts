/**
 * OTLP metrics as both encodings give them: what of an ExportMetricsServiceRequest becomes series. What is not stored
 * (exemplars, schemas, dropped counts, minima and maxima) is counted or left out by the decoders.
 *
 * Source: opentelemetry-proto, `metrics/v1/metrics.proto` and `common/v1/common.proto`.
 */

/** Attributes as text, sorted by their keys; a repeated key's last value counts. */
export type Attributes = readonly (readonly [key: string, value: string])[];

export interface ResourceMetrics {
  readonly attributes: Attributes;
  readonly scopes: readonly ScopeMetrics[];
}

export interface Scope {
  readonly name: string;
  readonly version: string;
  readonly attributes: Attributes;
}

export interface ScopeMetrics extends Scope {
  readonly schemaUrl: string;
  readonly metrics: readonly Metric[];
}

export interface MetricHeader {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
}

export interface Metric extends MetricHeader {
  readonly points: Points;
}

export type Temporality = "cumulative" | "delta" | "unspecified";

export type Points =
  | { readonly kind: "gauge"; readonly points: readonly NumberPoint[] }
  | {
      readonly kind: "sum";
      readonly points: readonly NumberPoint[];
      readonly temporality: Temporality;
      readonly isMonotonic: boolean;
    }
  | {
      readonly kind: "histogram";
      readonly points: readonly HistogramPoint[];
      readonly temporality: Temporality;
    }
  | { readonly kind: "summary"; readonly points: readonly SummaryPoint[] }
  /** Exponential histograms, which are counted. */
  | { readonly kind: "exponential-histogram"; readonly count: number }
  /** A metric without any of these. */
  | { readonly kind: "empty" };

interface Point {
  readonly attributes: Attributes;
  /** Milliseconds; 0 when the sender gave none. */
  readonly timeMs: number;
  /** The sender has nothing to say about this series any more. */
  readonly hasNoValue: boolean;
  readonly exemplars: number;
}

export interface NumberPoint extends Point {
  readonly value: number;
}

export interface HistogramPoint extends Point {
  readonly count: number;
  readonly sum: number | undefined;
  /** One longer than `bounds`, or both empty. */
  readonly bucketCounts: readonly number[];
  readonly bounds: readonly number[];
}

export interface SummaryPoint extends Point {
  readonly count: number;
  readonly sum: number;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
}

export const NO_RECORDED_VALUE = 1;

/** From pairs in any order, of which the last one of a key counts. Takes ownership of the list. */
export function sortAttributes(pairs: Attributes): Attributes {
  // As many senders write them.
  if (pairs.every(([key], i) => i === 0 || pairs[i - 1]![0] < key)) return pairs;
  return [...new Map(pairs)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
