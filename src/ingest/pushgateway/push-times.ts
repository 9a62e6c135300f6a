/**
 * What a group says of its own pushes: when the last one succeeded and when the last one failed, in seconds; 0 for never.
 * In place of metrics of these names that are pushed.
 */

import { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { type Group, PUSH_FAILURE_TIME, PUSH_TIME } from "./group.js";
import type { MetricFamily } from "./metric-family.js";

/** To be put behind what is pushed. */
export function successFamilies(group: Group | undefined, now: TimestampMs): readonly MetricFamily[] {
  return [pushTime(now), ...missing(group, PUSH_FAILURE_TIME, pushFailureTime(0))];
}

export function failureFamilies(group: Group | undefined, now: TimestampMs): readonly MetricFamily[] {
  return [pushFailureTime(now), ...missing(group, PUSH_TIME, pushTime(0))];
}

function missing(group: Group | undefined, name: string, family: MetricFamily): readonly MetricFamily[] {
  return group?.families.has(name) ? [] : [family];
}

function pushTime(time: TimestampMs): MetricFamily {
  return gauge(PUSH_TIME, "Last Unix time when changing this group in the Pushgateway succeeded.", time);
}

function pushFailureTime(time: TimestampMs): MetricFamily {
  return gauge(PUSH_FAILURE_TIME, "Last Unix time when changing this group in the Pushgateway failed.", time);
}

function gauge(name: string, help: string, time: TimestampMs): MetricFamily {
  const metric = { kind: "simple", labels: Labels.empty, value: time / 1000, time: undefined } as const;
  return { name, type: "gauge", help, metrics: [metric] };
}
