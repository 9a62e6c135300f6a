/**
 * The queries that are measured: every kind of leaf, aggregation, join and function, on 1, 1,000 and 10,000
 * series of the fleet (see ../support/fleet.ts), at one time and over its 12 h.
 */

import { FLEET_END, FLEET_START } from "../support/fleet.js";

export interface MeasuredQuery {
  readonly text: string;
  /** Series that its selectors read. */
  readonly series: number;
  /** Between steps of a range; 0 for one time. */
  readonly stepMs: number;
}

export interface MeasuredCall {
  /** Of the HTTP API. */
  readonly path: string;
}

const oneCounter = 'http_requests_total{instance="web-00",handler="/h0",method="GET",code="200"}';
const zoneCounters = 'http_requests_total{zone="z0"}';
const allCounters = "http_requests_total";
const oneGauge = 'cpu_usage_percent{instance="web-00",cpu="0"}';
const allGauges = "cpu_usage_percent";
const errors = 'http_requests_total{zone="z0",code=~"5.."}';
const buckets = "http_request_duration_seconds_bucket";

function instant(series: number, ...texts: readonly string[]): readonly MeasuredQuery[] {
  return texts.map((text) => ({ text, series, stepMs: 0 }));
}

function range(series: number, stepMs: number, ...texts: readonly string[]): readonly MeasuredQuery[] {
  return texts.map((text) => ({ text, series, stepMs }));
}

const windowFunctions = ["rate", "increase", "irate", "changes", "resets", "deriv"];
const windowFunctionsOfGauges = ["delta", "avg", "min", "max", "sum", "count", "last", "stddev"].map(
  (name) => (name === "delta" ? name : `${name}_over_time`),
);

export const measuredQueries: readonly MeasuredQuery[] = [
  // Selectors.
  ...instant(1, oneCounter),
  ...instant(1000, zoneCounters),
  ...instant(10_000, allCounters),
  ...range(1, 15_000, oneCounter),
  ...range(1000, 60_000, allGauges),
  // Window functions: of one series, and of many, added up so that they and not the output are measured.
  ...instant(1, `rate(${oneCounter}[5m])`),
  ...instant(1000, `sum(rate(${zoneCounters}[5m]))`),
  ...instant(10_000, `sum(rate(${allCounters}[5m]))`),
  ...range(1, 15_000, `rate(${oneCounter}[5m])`, `max_over_time(${oneGauge}[1h])`),
  ...range(1000, 15_000, `sum(rate(${zoneCounters}[5m]))`),
  ...range(1000, 60_000, ...windowFunctions.map((name) => `sum(${name}(${zoneCounters}[5m]))`)),
  ...range(1000, 60_000, ...windowFunctionsOfGauges.map((name) => `sum(${name}(${allGauges}[5m]))`)),
  ...range(1000, 60_000, `sum(quantile_over_time(0.9, ${allGauges}[5m]))`),
  ...range(1000, 60_000, `sum(max_over_time(${allGauges}[1h]))`),
  ...range(1000, 60_000, `rate(${zoneCounters}[5m])`),
  ...range(10_000, 60_000, `sum by (zone) (rate(${allCounters}[5m]))`),
  // Aggregations.
  ...instant(10_000, `sum by (zone, code) (${allCounters})`, `topk(10, ${allCounters})`),
  ...instant(1000, `quantile(0.9, ${allGauges})`, `count_values("percent", round(${allGauges}))`),
  ...range(
    1000,
    60_000,
    `sum(${allGauges})`,
    `avg by (zone) (${allGauges})`,
    `min by (instance) (${allGauges})`,
    `max without (cpu) (${allGauges})`,
    `stddev by (zone) (${allGauges})`,
    `topk(5, ${allGauges})`,
    `quantile by (zone) (0.9, ${allGauges})`,
    `count_values("percent", round(${allGauges}, 10))`,
  ),
  // Joins and comparisons.
  ...range(
    1000,
    60_000,
    `sum(${zoneCounters} / ${zoneCounters})`,
    `sum by (version) (${allGauges} * on (instance) group_left (version) build_info)`,
    `count(${allGauges} > 50)`,
    `sum(${allGauges} > bool 50)`,
    `count(${allGauges} and on (instance, cpu) ${allGauges} > 50)`,
    `sum by (handler) (rate(${errors}[5m])) / sum by (handler) (rate(${zoneCounters}[5m]))`,
  ),
  ...instant(10_000, `${allCounters}{code="500"} / ignoring (code) ${allCounters}{code="200"}`),
  // Histograms.
  ...instant(1200, `histogram_quantile(0.99, sum by (le) (rate(${buckets}[5m])))`),
  ...range(
    1200,
    60_000,
    `histogram_quantile(0.99, sum by (le) (rate(${buckets}[5m])))`,
    `histogram_quantile(0.99, sum by (le, instance) (rate(${buckets}[5m])))`,
  ),
  // Subqueries and labels.
  ...instant(1000, `max_over_time(sum(rate(${zoneCounters}[5m]))[12h:1m])`),
  ...range(1, 60_000, `max_over_time(rate(${oneCounter}[5m])[1h:1m])`),
  ...range(1000, 60_000, `sum by (host) (label_replace(${allGauges}, "host", "$1", "instance", "web-(.*)"))`),
];

const within = `start=${FLEET_START / 1000}&end=${FLEET_END / 1000}`;

export const measuredCalls: readonly MeasuredCall[] = [
  { path: `/api/v1/labels?${within}` },
  { path: `/api/v1/label/instance/values?${within}` },
  { path: `/api/v1/label/code/values?${within}&match[]=${encodeURIComponent(zoneCounters)}` },
  { path: `/api/v1/series?${within}&match[]=${encodeURIComponent(oneCounter)}` },
  { path: `/api/v1/series?${within}&match[]=${encodeURIComponent(zoneCounters)}` },
];

/** The path that asks the HTTP API for a query, from `start` to the fleet's end. */
export function queryPath({ text, stepMs }: MeasuredQuery, start: number): string {
  const query = `query=${encodeURIComponent(text)}`;
  if (stepMs === 0) return `/api/v1/query?${query}&time=${FLEET_END / 1000}`;
  return `/api/v1/query_range?${query}&start=${start / 1000}&end=${FLEET_END / 1000}&step=${stepMs / 1000}`;
}
