/**
 * Groups as the Pushgateway's API shows them: `GET /api/v1/metrics`.
 *
 *   {"labels":{"job":"backup"},"last_push_successful":true,
 *    "runs_total":{"time_stamp":"2026-01-02T03:04:05Z","type":"COUNTER","help":"...",
 *                  "metrics":[{"labels":{"instance":"","job":"backup"},"value":"42"}]}}
 *
 * A summary has `quantiles`, a histogram `buckets`, both `count` and `sum`, in place of `value`.
 */

import { formatFloat } from "../../model/float-text.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import { type Group, type HeldFamily, PUSH_FAILURE_TIME, PUSH_TIME, pushTimeOf } from "./group.js";
import type { GroupingKey } from "./grouping-path.js";
import { isHistogram, type Metric } from "./metric-family.js";

/** An element of the list, as JSON. */
export function encodeGroup(group: Group): string {
  const families = Array.from(group.families, ([name, held]) => [name, familyFields(held, group.labels)]);
  return JSON.stringify({
    ...Object.fromEntries(families),
    labels: Object.fromEntries(group.labels),
    last_push_successful: pushTimeOf(group, PUSH_TIME) > pushTimeOf(group, PUSH_FAILURE_TIME),
  });
}

function familyFields({ family, time }: HeldFamily, grouping: GroupingKey) {
  const pointsName = isHistogram(family.type) ? "buckets" : "quantiles";
  return {
    time_stamp: formatRfc3339(time),
    type: family.type === "gaugehistogram" ? "GAUGE_HISTOGRAM" : family.type.toUpperCase(),
    ...(family.help === "" ? {} : { help: family.help }),
    metrics: family.metrics.map((metric) => metricFields(metric, grouping, pointsName)),
  };
}

function metricFields(metric: Metric, grouping: GroupingKey, pointsName: string) {
  // Labels without a value are none, but they are shown where the address has them.
  const labels = { instance: "", ...Object.fromEntries(grouping), ...metric.labels.toObject() };
  if (metric.kind === "simple") return { labels, value: formatFloat(metric.value) };
  const points = metric.points.map(([bound, value]) => [formatFloat(bound), formatFloat(value)]);
  return {
    labels,
    [pointsName]: Object.fromEntries(points),
    count: formatFloat(metric.count),
    sum: formatFloat(metric.sum),
  };
}
