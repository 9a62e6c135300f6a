/**
 * parseProtobufExposition: metric families as delimited protobuf messages, told as if their lines had been read.
 *
 * Histograms are told as their classic buckets, with `+Inf` when nobody has said it; exemplars and created times are
 * skipped. What is wrong throws MalformedInputError, when all before it has been told: `malformed` is not called.
 */

import { MalformedInputError } from "../../model/errors.js";
import { quoteText } from "../../model/labels.js";
import { defaultIngestLimits, type IngestLimits } from "../limits.js";
import {
  boundLabelOf,
  type FamilySample,
  type Metric,
  type MetricFamily,
  samplesOf,
} from "../pushgateway/metric-family.js";
import { protobufFamilies } from "../pushgateway/read-protobuf-families.js";
import type { ExpositionVisitor } from "./exposition-visitor.js";

export const protobufMediaType =
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/** Whether a Content-Type header names the delimited format; parameters that are not given are taken for right. */
export function isProtobufExposition(contentType: string | undefined): boolean {
  const [mediaType, ...parameters] = (contentType ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  if (mediaType !== "application/vnd.google.protobuf") return false;
  const given = new Map(parameters.map((parameter) => parameter.split("=", 2) as [string, string]));
  const proto = given.get("proto")?.replaceAll('"', "") ?? "io.prometheus.client.metricfamily";
  const encoding = given.get("encoding")?.replaceAll('"', "") ?? "delimited";
  return proto === "io.prometheus.client.metricfamily" && encoding === "delimited";
}

/** Reads a whole body. */
export function parseProtobufExposition(
  bytes: Uint8Array,
  visitor: ExpositionVisitor,
  limits: IngestLimits = defaultIngestLimits,
): void {
  for (const family of protobufFamilies(bytes, { limits, asScraped: true })) {
    visitor.type?.(family.name, family.type);
    if (family.help !== "") visitor.help?.(family.name, family.help);
    for (const metric of family.metrics) {
      const { emptyLabels = [] } = metric;
      for (const { labels, value, time } of samplesInOrder(family, metric, () => visitor.refused?.())) {
        // A time of zero stands for none.
        const series = { key: () => labels.key(), labels: () => labels, emptyLabels: () => emptyLabels };
        visitor.sample(series, value, time || undefined);
      }
    }
  }
}

/** In the order in which Prometheus has them: of a page beyond a limit that decides what counts. */
function* samplesInOrder(
  family: Omit<MetricFamily, "metrics">,
  metric: Metric,
  refused: () => void,
): Generator<FamilySample> {
  const samples = samplesOf({ ...family, metrics: [metric] });
  if (metric.kind === "simple") return yield* samples;
  const points = samples.slice(0, -2);
  yield* samples.slice(-2).reverse();
  const label = boundLabelOf(family.type)!;
  // A bound is the label of one of the metric's series: it would be there twice.
  if (points.length > 0 && metric.labels.has(label)) {
    refused();
    throw new MalformedInputError(`the label "${label}" of ${quoteText(family.name)} is given twice`);
  }
  yield* points;
}
