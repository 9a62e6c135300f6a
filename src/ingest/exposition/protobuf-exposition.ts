/**
 * parseProtobufExposition: metric families as delimited protobuf messages, told as if their lines had been read.
 *
 * Histograms are told as their classic buckets, with `+Inf` when nobody has said it; exemplars and created times are
 * skipped. What is wrong throws MalformedInputError, almost all of it before anything is told: `malformed` is not called.
 */

import { MalformedInputError } from "../../model/errors.js";
import { quoteText } from "../../model/labels.js";
import { defaultIngestLimits, type IngestLimits } from "../limits.js";
import { boundLabelOf, isHistogram, type MetricFamily, samplesOf } from "../pushgateway/metric-family.js";
import { readProtobufFamilies } from "../pushgateway/read-protobuf-families.js";
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
  for (const family of readProtobufFamilies(bytes, limits).values()) {
    visitor.type?.(family.name, family.type);
    if (family.help !== "") visitor.help?.(family.name, family.help);
    checkBoundLabel(family);
    for (const { labels, value, time } of samplesOf(family)) {
      // A time of zero stands for none.
      visitor.sample({ key: () => labels.key(), labels: () => labels }, value, time || undefined);
    }
  }
}

/** A bound is the label of one of the metric's series: it would be there twice. */
function checkBoundLabel({ name, type, metrics }: MetricFamily): void {
  const label = boundLabelOf(type);
  if (label === undefined) return;
  for (const metric of metrics) {
    const hasBounds = isHistogram(type) || (metric.kind === "distribution" && metric.points.length > 0);
    if (hasBounds && metric.labels.has(label))
      throw new MalformedInputError(`the label "${label}" of ${quoteText(name)} is given twice`);
  }
}
