/**
 * MetricMetadata: what a metric is, besides its samples: type, help and unit, as expositions and pushes tell it.
 */

export interface MetricMetadata {
  /** As Prometheus' API writes it: `counter`, `gauge`, `histogram`, `summary`, `unknown` and so on. */
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

/** Takes metadata in. What it keeps is bounded. */
export interface MetadataSink {
  describeMetric(metricName: string, metadata: Partial<MetricMetadata>): void;
}

/** What was taken in, as far as it is kept. */
export interface MetadataReader {
  metadataOf(metricName: string): MetricMetadata | undefined;
  /** Of all metrics of which something is known, in no order. Not to be read on after something else was told. */
  metricNames(): Iterable<string>;
}
