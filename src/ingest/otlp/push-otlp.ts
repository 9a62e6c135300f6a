/**
 * pushOtlp: an ExportMetricsServiceRequest into a Push.
 *
 *   gauge, sum         one series; a monotonic sum is a counter
 *   histogram          NAME_bucket by `le`, NAME_count, NAME_sum (when there is one)
 *   summary            NAME by `quantile`, NAME_count, NAME_sum
 *   resource           target_info, once per request, at its newest point
 *
 * Deltas are added to sums that survive a restart, so that what is stored is cumulative; a request that is sent again
 * counts once, by the times of its points. A point without a recorded value is a staleness marker. Exponential
 * histograms and exemplars are counted and not stored.
 */

import { MalformedInputError } from "../../model/errors.js";
import { formatFloatPlain } from "../../model/float-text.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { KnownPushSeries, type SeriesMemory } from "../push/known-series.js";
import { OriginMemory } from "../push/origin-memory.js";
import type { Push, PushResult, PushSeries } from "../push/push.js";
import type { Increment, Sums } from "../sums/sums.js";
import { decodeOtlpJson } from "./decode-json.js";
import { decodeOtlpProtobuf } from "./decode-protobuf.js";
import { type OtlpLabelSet, OtlpLabels, type OtlpOptions, pairsText } from "./otlp-labels.js";
import type {
  Attributes,
  HistogramPoint,
  Metric,
  NumberPoint,
  ResourceMetrics,
  SummaryPoint,
  Temporality,
} from "./otlp-message.js";
import { type NamedMetric, OtlpNames } from "./otlp-names.js";

export interface OtlpBody {
  readonly bytes: Uint8Array;
  readonly encoding: "protobuf" | "json";
}

export interface OtlpParts {
  readonly options: OtlpOptions;
  /** Opened when the first delta comes. */
  readonly sums: () => Promise<Sums>;
  /** Of earlier bodies. */
  readonly memory?: SeriesMemory;
}

/** Commits the push, or rolls it back and rejects: with MalformedInputError when the body is no such message. */
export async function pushOtlp(
  { bytes, encoding }: OtlpBody,
  push: Push,
  parts: OtlpParts,
): Promise<PushResult> {
  try {
    const resources = encoding === "protobuf" ? decodeOtlpProtobuf(bytes) : decodeOtlpJson(bytes);
    const writer = new OtlpWriter(push, parts);
    for (const resource of resources) {
      writer.write(resource);
      if (push.stagedSamples >= push.limits.transactionSamplesMax) await push.flush();
    }
    if (writer.increments.length > 0) await (await parts.sums()).add(push, writer.increments);
    return await push.commit();
  } catch (error) {
    push.rollback(error instanceof Error ? error.message : String(error));
    throw error;
  }
}

type Point = NumberPoint | HistogramPoint | SummaryPoint;

/** What labels a point's series have, besides their names. */
interface PointLabels {
  readonly base: OtlpLabelSet;
  readonly attributes: Attributes;
  /** Stands for both. */
  readonly text: string;
}

/** Writes points to a push, and collects those that are deltas. */
class OtlpWriter {
  readonly increments: Increment[] = [];
  readonly #push: Push;
  readonly #names: OtlpNames;
  readonly #labels: OtlpLabels;
  readonly #known: KnownPushSeries;
  /** Of the metric that is written, from 1. */
  #place = 0;
  #newestMs = 0;

  constructor(push: Push, { options, memory = new OriginMemory() }: OtlpParts) {
    this.#push = push;
    this.#known = new KnownPushSeries(push, memory);
    this.#names = new OtlpNames(options.translationStrategy);
    this.#labels = new OtlpLabels(this.#names, options);
  }

  write(resource: ResourceMetrics): void {
    this.#newestMs = 0;
    for (const scope of resource.scopes) {
      for (const metric of scope.metrics) {
        this.#place++;
        try {
          this.#writeMetric(metric, this.#labels.base(resource, scope));
        } catch (error) {
          this.#lose(error, pointCount(metric));
        }
      }
    }
    if (this.#newestMs === 0) return;
    try {
      const targetInfo = this.#labels.targetInfo(resource);
      if (targetInfo !== undefined) this.#push.append(this.#push.series(targetInfo), this.#newestMs, 1);
    } catch (error) {
      this.#lose(error, 1);
    }
  }

  #writeMetric(metric: Metric, base: OtlpLabelSet): void {
    const { points } = metric;
    switch (points.kind) {
      case "gauge":
        this.#eachPoint(metric, "gauge", points.points, (point, name) =>
          this.#append(point, name, pointLabels(base, point), point.value, "cumulative"),
        );
        break;
      case "sum":
        this.#eachPoint(metric, points.isMonotonic ? "counter" : "gauge", points.points, (point, name) =>
          this.#append(point, name, pointLabels(base, point), point.value, points.temporality),
        );
        break;
      case "histogram":
        this.#eachPoint(metric, "histogram", points.points, (point, name) =>
          this.#writeHistogram(point, name, pointLabels(base, point), points.temporality),
        );
        break;
      case "summary":
        this.#eachPoint(metric, "summary", points.points, (point, name) =>
          this.#writeSummary(point, name, pointLabels(base, point)),
        );
        break;
      case "exponential-histogram":
        this.#push.notStored("native-histogram", points.count);
        break;
      case "empty":
        throw new MalformedInputError(`the metric ${metric.name} has no points of a kind that is known`);
    }
  }

  /** One point that cannot be written does not keep the others from it. */
  #eachPoint<P extends Point>(
    metric: Metric,
    type: NamedMetric["type"],
    points: readonly P[],
    write: (point: P, name: string) => void,
  ): void {
    const name = this.#names.metricName({ name: metric.name, unit: metric.unit, type });
    this.#push.metadata(name, { type, help: metric.description, unit: metric.unit });
    for (const point of points) {
      try {
        write(point, name);
      } catch (error) {
        this.#lose(error, 1);
      }
      if (point.exemplars > 0) this.#push.notStored("exemplar", point.exemplars);
    }
  }

  #writeHistogram(point: HistogramPoint, name: string, labels: PointLabels, temporality: Temporality): void {
    const { bounds, bucketCounts, count, sum } = point;
    if (bucketCounts.length > 0 && bucketCounts.length !== bounds.length + 1)
      throw new MalformedInputError(`${name}: ${bucketCounts.length} buckets for ${bounds.length} bounds`);
    let cumulative = 0;
    for (const [i, bound] of bounds.entries()) {
      cumulative += bucketCounts[i] ?? 0;
      this.#append(point, `${name}_bucket`, labels, cumulative, temporality, ["le", formatFloatPlain(bound)]);
    }
    this.#append(point, `${name}_bucket`, labels, count, temporality, ["le", "+Inf"]);
    this.#append(point, `${name}_count`, labels, count, temporality);
    if (sum !== undefined) this.#append(point, `${name}_sum`, labels, sum, temporality);
  }

  #writeSummary(point: SummaryPoint, name: string, labels: PointLabels): void {
    for (const { quantile, value } of point.quantiles) {
      this.#append(point, name, labels, value, "cumulative", ["quantile", formatFloatPlain(quantile)]);
    }
    this.#append(point, `${name}_count`, labels, point.count, "cumulative");
    this.#append(point, `${name}_sum`, labels, point.sum, "cumulative");
  }

  #append(
    { timeMs, hasNoValue }: Point,
    name: string,
    labels: PointLabels,
    value: number,
    temporality: Temporality,
    extra?: readonly [string, string],
  ): void {
    const time: TimestampMs = timeMs === 0 ? this.#push.arrivalTime : timeMs;
    this.#newestMs = Math.max(this.#newestMs, time);
    const series = this.#seriesOf(name, labels, extra);
    if (hasNoValue) this.#push.appendStale(series, time);
    else if (temporality === "cumulative") this.#push.append(series, time, value);
    else if (temporality === "unspecified")
      throw new MalformedInputError(`${name}: the aggregation temporality must be cumulative or delta`);
    else if (Number.isFinite(value)) this.increments.push({ series, amount: value, time });
    else throw new MalformedInputError(`${name}: a delta of ${value} cannot be added`);
  }

  /** `extra` is a label that no attribute may have in its place. */
  #seriesOf(
    name: string,
    { base, attributes, text }: PointLabels,
    extra?: readonly [string, string],
  ): PushSeries {
    const key = `${name.length} ${name}${text}|${extra === undefined ? "" : pairsText([extra])}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const labels = new Map(base.of(attributes));
    if (extra !== undefined) labels.set(...extra);
    return this.#known.set(key, this.#push.series(Labels.from(labels.set(METRIC_NAME, name))));
  }

  #lose(error: unknown, points: number): void {
    if (!(error instanceof MalformedInputError)) throw error;
    this.#push.malformed(this.#place, error.message, Math.max(1, points));
  }
}

function pointLabels(base: OtlpLabelSet, { attributes }: Point): PointLabels {
  return { base, attributes, text: `${base.text}|${pairsText(attributes)}` };
}

function pointCount({ points }: Metric): number {
  return "points" in points ? points.points.length : 1;
}
