/**
 * OtlpWriter: points of a request, from either encoding, as rows of its push. Nothing is staged before all of the
 * request is read: of one that is no such message nothing is stored, nor said of metrics.
 *
 * One point that cannot be written does not keep the others from it.
 */

import { MalformedInputError } from "../../model/errors.js";
import { formatFloatPlain } from "../../model/float-text.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { MetricMetadata } from "../../model/metric-metadata.js";
import type { Push } from "../push/push.js";
import type { PushRows } from "../push/push-rows.js";
import type { Increment } from "../sums/sums.js";
import { type OtlpLabelSet, OtlpLabels, type OtlpOptions, pairsText } from "./otlp-labels.js";
import type {
  Attributes,
  HistogramPoint,
  Metric,
  MetricHeader,
  NumberPoint,
  ResourceMetrics,
  SummaryPoint,
  Temporality,
} from "./otlp-message.js";
import { type NamedMetric, OtlpNames } from "./otlp-names.js";

/** A metric by its translated name. */
export interface OtlpMetric {
  readonly name: string;
  readonly metadata: Partial<MetricMetadata>;
}

type Point = NumberPoint | HistogramPoint | SummaryPoint;

/** When a point was, and whether it has a value. */
export interface PointTime {
  /** Milliseconds; 0 when the sender gave none. */
  readonly timeMs: number;
  readonly hasNoValue: boolean;
}

interface LostPoints {
  readonly place: number;
  readonly reason: string;
  readonly count: number;
}

/** Labels that no attribute may have in its place. */
type ExtraLabel = readonly [name: string, value: string];

export class OtlpWriter {
  /** Points that are deltas. */
  readonly increments: Increment[] = [];
  readonly labels: OtlpLabels;
  readonly #names: OtlpNames;
  readonly #rows: PushRows;
  readonly #described: OtlpMetric[] = [];
  readonly #lost: LostPoints[] = [];
  #exemplars = 0;
  #exponentialPoints = 0;
  /** Of the metric that is written, from 1. */
  #place = 0;
  /** Of the resource; 0 when no point of it has a time, undefined when it has no points. */
  #newestMs: number | undefined;

  constructor(rows: PushRows, options: OtlpOptions) {
    this.#rows = rows;
    this.#names = new OtlpNames(options.translationStrategy);
    this.labels = new OtlpLabels(this.#names, options);
  }

  write(resource: ResourceMetrics): void {
    this.beginResource();
    for (const scope of resource.scopes) {
      for (const metric of scope.metrics) {
        this.beginMetric();
        try {
          this.#writeMetric(metric, this.labels.base(resource.attributes, scope));
        } catch (error) {
          this.lose(error, pointCount(metric));
        }
      }
    }
    this.endResource(() => {
      const labels = this.labels.targetInfo(resource.attributes);
      return labels && this.#rows.numberOf(`target_info ${pairsText(resource.attributes)}`, () => labels);
    });
  }

  beginResource(): void {
    this.#newestMs = undefined;
  }

  /** `targetInfo` returns the number of that series, if the resource has one. */
  endResource(targetInfo: () => number | undefined): void {
    if (this.#newestMs === undefined) return;
    try {
      const number = targetInfo();
      if (number !== undefined) this.#rows.append(number, this.#newestMs || undefined, 1);
    } catch (error) {
      this.lose(error, 1);
    }
  }

  beginMetric(): void {
    this.#place++;
  }

  /** Throws MalformedInputError when nothing is left of the name. */
  translate({ name: given, unit, description }: MetricHeader, type: NamedMetric["type"]): OtlpMetric {
    const name = this.#names.metricName({ name: given, unit, type });
    return { name, metadata: { type, help: description, unit } };
  }

  describe(metric: OtlpMetric): void {
    this.#described.push(metric);
  }

  /** Takes a sample of the series with this number. Throws MalformedInputError for what is no cumulative value and no delta. */
  append(
    { name }: OtlpMetric,
    number: number,
    { timeMs, hasNoValue }: PointTime,
    value: number,
    temporality: Temporality,
  ): void {
    const time = timeMs === 0 ? undefined : timeMs;
    this.#newestMs = Math.max(this.#newestMs ?? 0, timeMs);
    if (hasNoValue) this.#rows.appendStale(number, time);
    else if (temporality === "cumulative") this.#rows.append(number, time, value);
    else if (temporality === "unspecified")
      throw new MalformedInputError(`${name}: the aggregation temporality must be cumulative or delta`);
    else if (Number.isFinite(value))
      this.increments.push({ series: this.#rows.series(number), amount: value, time });
    else throw new MalformedInputError(`${name}: a delta of ${value} cannot be added`);
  }

  writeNumber(metric: OtlpMetric, base: OtlpLabelSet, point: NumberPoint, temporality: Temporality): void {
    this.append(metric, this.#number(metric.name, base, point), point, point.value, temporality);
  }

  writeHistogram(
    metric: OtlpMetric,
    base: OtlpLabelSet,
    point: HistogramPoint,
    temporality: Temporality,
  ): void {
    const { bounds, bucketCounts, count, sum } = point;
    assertBuckets(metric, point);
    const append = (suffix: string, value: number, extra?: ExtraLabel) =>
      this.append(metric, this.#number(metric.name + suffix, base, point, extra), point, value, temporality);
    let cumulative = 0;
    for (const [i, bound] of bounds.entries()) {
      cumulative += bucketCounts[i] ?? 0;
      append("_bucket", cumulative, ["le", formatFloatPlain(bound)]);
    }
    append("_bucket", count, ["le", "+Inf"]);
    append("_count", count);
    if (sum !== undefined) append("_sum", sum);
  }

  writeSummary(metric: OtlpMetric, base: OtlpLabelSet, point: SummaryPoint): void {
    const append = (suffix: string, value: number, extra?: ExtraLabel) =>
      this.append(metric, this.#number(metric.name + suffix, base, point, extra), point, value, "cumulative");
    for (const { quantile, value } of point.quantiles)
      append("", value, ["quantile", formatFloatPlain(quantile)]);
    append("_count", point.count);
    append("_sum", point.sum);
  }

  noteExemplars(count: number): void {
    this.#exemplars += count;
  }

  noteExponentialPoints(count: number): void {
    this.#exponentialPoints += count;
  }

  /** Counts points of the metric that cannot be written. Throws what is no MalformedInputError. */
  lose(error: unknown, points: number): void {
    if (!(error instanceof MalformedInputError)) throw error;
    this.#lost.push({ place: this.#place, reason: error.message, count: Math.max(1, points) });
  }

  /** Hands everything but the increments to the push. */
  async stage(push: Push): Promise<void> {
    for (const { name, metadata } of this.#described) push.metadata(name, metadata);
    for (const { place, reason, count } of this.#lost) push.malformed(place, reason, count);
    if (this.#exponentialPoints > 0) push.notStored("native-histogram", this.#exponentialPoints);
    if (this.#exemplars > 0) push.notStored("exemplar", this.#exemplars);
    await this.#rows.stageInParts();
  }

  #writeMetric(metric: Metric, base: OtlpLabelSet): void {
    const { points } = metric;
    switch (points.kind) {
      case "gauge":
        this.#eachPoint(metric, "gauge", points.points, (point, named) =>
          this.writeNumber(named, base, point, "cumulative"),
        );
        break;
      case "sum":
        this.#eachPoint(metric, points.isMonotonic ? "counter" : "gauge", points.points, (point, named) =>
          this.writeNumber(named, base, point, points.temporality),
        );
        break;
      case "histogram":
        this.#eachPoint(metric, "histogram", points.points, (point, named) =>
          this.writeHistogram(named, base, point, points.temporality),
        );
        break;
      case "summary":
        this.#eachPoint(metric, "summary", points.points, (point, named) =>
          this.writeSummary(named, base, point),
        );
        break;
      case "exponential-histogram":
        this.noteExponentialPoints(points.count);
        break;
      case "empty":
        throw noPoints(metric.name);
    }
  }

  #eachPoint<P extends Point>(
    metric: Metric,
    type: NamedMetric["type"],
    points: readonly P[],
    write: (point: P, metric: OtlpMetric) => void,
  ): void {
    const named = this.translate(metric, type);
    this.describe(named);
    for (const point of points) {
      try {
        write(point, named);
      } catch (error) {
        this.lose(error, 1);
      }
      this.noteExemplars(point.exemplars);
    }
  }

  #number(name: string, base: OtlpLabelSet, { attributes }: Point, extra?: ExtraLabel): number {
    const attributesText = `${base.text}|${pairsText(attributes)}`;
    const text = `${name.length} ${name}${attributesText}|${extra === undefined ? "" : pairsText([extra])}`;
    return this.#rows.numberOf(text, () => seriesLabels(name, base, attributes, extra));
  }
}

export function seriesLabels(
  name: string,
  base: OtlpLabelSet,
  attributes: Attributes,
  extra?: ExtraLabel,
): Labels {
  const labels = new Map(base.of(attributes));
  if (extra !== undefined) labels.set(...extra);
  return Labels.from(labels.set(METRIC_NAME, name));
}

/** Of a histogram: its buckets by bound, then `+Inf`, the count, and the sum if there is one. */
export function histogramLabels(name: string, base: OtlpLabelSet, point: HistogramPoint): readonly Labels[] {
  const labels = (suffix: string, extra?: ExtraLabel) =>
    seriesLabels(name + suffix, base, point.attributes, extra);
  return [
    ...point.bounds.map((bound) => labels("_bucket", ["le", formatFloatPlain(bound)])),
    labels("_bucket", ["le", "+Inf"]),
    labels("_count"),
    ...(point.sum === undefined ? [] : [labels("_sum")]),
  ];
}

export function noPoints(metricName: string): MalformedInputError {
  return new MalformedInputError(`the metric ${metricName} has no points of a kind that is known`);
}

function assertBuckets({ name }: OtlpMetric, { bounds, bucketCounts }: HistogramPoint): void {
  if (bucketCounts.length > 0 && bucketCounts.length !== bounds.length + 1)
    throw new MalformedInputError(`${name}: ${bucketCounts.length} buckets for ${bounds.length} bounds`);
}

function pointCount({ points }: Metric): number {
  return "points" in points ? points.points.length : 1;
}
