/**
 * holdFamilies: what is pushed as its group holds it: with the labels of the group, and with what it is in the database.
 */

import { InvalidArgumentError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { checkLimit } from "../limits.js";
import type { Push } from "../push/push.js";
import { type HeldFamily, inGroup } from "./group.js";
import type { GroupingKey } from "./grouping-path.js";
import { type MetricFamily, samplesOf } from "./metric-family.js";

/**
 * The address overwrites labels of the body; what the credential forces does not, but refuses others.
 *
 * Throws InvalidArgumentError for what may not be pushed, LimitExceededError for more than is one transaction.
 */
export function holdFamilies(
  push: Push,
  { address, labels }: { readonly address: GroupingKey; readonly labels: GroupingKey },
  families: Iterable<MetricFamily>,
  time: TimestampMs,
): ReadonlyMap<string, HeldFamily> {
  const held = new Map<string, HeldFamily>();
  let samples = 0;
  for (const family of families) {
    const stored = samplesOf(grouped(family, address)).map((sample) => storedLabels(push, sample.labels));
    samples += stored.length;
    checkLimit("the push", samples, push.limits, "transactionSamplesMax");
    held.set(family.name, { family: grouped(family, labels), time, stored });
  }
  return held;
}

function grouped(family: MetricFamily, grouping: GroupingKey): MetricFamily {
  const metrics = family.metrics.map((metric) => ({ ...metric, labels: inGroup(metric.labels, grouping) }));
  return { ...family, metrics };
}

/** Undefined when relabelling drops it. Throws InvalidArgumentError when it may not be pushed. */
function storedLabels(push: Push, labels: Labels): Labels | undefined {
  const series = push.series(labels);
  if (series.refusal === undefined) return series.labels;
  const { reason, message } = series.refusal;
  if (reason === "relabel-dropped") return undefined;
  throw new InvalidArgumentError(`${reason}: ${message}: ${labels}`);
}
