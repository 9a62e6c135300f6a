/**
 * addPrometheusMetrics: what a Prometheus tells of itself under its own names, where it means the same here, so that
 * dashboards and alerts that people have for their Prometheus (its mixin) go on working.
 *
 * What means something else here stays under `narthex_` only: see docs/scraping.md, "As a Prometheus is watched".
 *
 * Source: Prometheus `scrape/metrics.go`, `discovery/metrics*.go`, `documentation/prometheus-mixin`.
 */

import type { Metric, Registry } from "prom-client";
import type { DatabaseStatus } from "../api.js";
import type { LengthSummaryStatus, ScrapePoolStatus, ScrapeTotals } from "../scrape/status.js";
import type { ConfigStatus, OwnMetricsSources } from "./own-metrics.js";

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** When it is not the family's. */
  readonly metricName?: string;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "summary";
  /** Asked for when the page is served. */
  readonly read: () => readonly Sample[];
}

export function addPrometheusMetrics(
  registry: Registry,
  version: string,
  status: () => DatabaseStatus,
  sources: OwnMetricsSources,
): void {
  const { config, scrape, scrapePools } = sources;
  const families = [
    ...serverFamilies(version, status),
    ...(config === undefined ? [] : configFamilies(config)),
    ...(scrape === undefined ? [] : scrapeFamilies(scrape)),
    ...(scrapePools === undefined ? [] : [...poolFamilies(scrapePools), ...discoveryFamilies(scrapePools)]),
  ];
  for (const { read, ...family } of families) {
    const get = async () => ({ ...family, aggregator: "sum", values: read() });
    registry.registerMetric({ ...family, get, reset: () => {} } as unknown as Metric);
  }
}

function serverFamilies(version: string, status: () => DatabaseStatus): readonly Family[] {
  const build = { version, revision: "", branch: "", goversion: "" };
  return [
    one("gauge", "prometheus_build_info", "1, with Narthex' version as a label.", () => 1, build),
    one("gauge", "prometheus_ready", "1: nothing is answered before the log was replayed.", () => 1),
    one("gauge", "prometheus_tsdb_head_series", "Series in the head.", () => status().headSeries),
    one("gauge", "prometheus_tsdb_head_chunks", "Chunks in the head.", () => status().headChunks),
  ];
}

function configFamilies(config: () => ConfigStatus): readonly Family[] {
  return [
    one(
      "gauge",
      "prometheus_config_last_reload_successful",
      "Whether the last attempt to read the configuration succeeded.",
      () => Number(config().isLastReloadSuccessful),
    ),
    one(
      "gauge",
      "prometheus_config_last_reload_success_timestamp_seconds",
      "When the configuration in force was read.",
      () => config().readAt / 1000,
    ),
  ];
}

/** Of scrapes that failed for a limit, and of samples that were not stored: by our word for why. */
const scrapeCounters: readonly (readonly [
  name: string,
  help: string,
  count: (totals: ScrapeTotals) => number | undefined,
])[] = [
  [
    "scrapes_exceeded_body_size_limit_total",
    "Scrapes that failed for body_size_limit.",
    ({ limits }) => limits.get("body"),
  ],
  [
    "scrapes_exceeded_sample_limit_total",
    "Scrapes that failed for sample_limit.",
    ({ limits }) => limits.get("samples"),
  ],
  [
    "scrape_pool_exceeded_label_limits_total",
    "Scrapes that failed for label_limit or a length limit of labels.",
    ({ limits }) => limits.get("labels"),
  ],
  [
    "scrape_pool_exceeded_target_limit_total",
    "Scrapes that failed for target_limit.",
    ({ limits }) => limits.get("targets"),
  ],
  [
    "scrapes_sample_duplicate_timestamp_total",
    "Samples of scraped pages that were not stored: their series has another value at that time.",
    ({ unstored }) => unstored.get("duplicate-time"),
  ],
  [
    "scrapes_sample_out_of_bounds_total",
    "Samples of scraped pages that were not stored: too old, or too far in the future.",
    ({ unstored }) => (unstored.get("too-old") ?? 0) + (unstored.get("too-new") ?? 0),
  ],
];

function scrapeFamilies(totals: () => ScrapeTotals): readonly Family[] {
  return [
    ...scrapeCounters.map(([name, help, count]) =>
      one("counter", `prometheus_target_${name}`, help, () => count(totals()) ?? 0),
    ),
    {
      name: "prometheus_target_interval_length_seconds",
      help: "From one scrape of a target to its next, by the interval that was wanted.",
      type: "summary",
      read: () =>
        [...totals().intervals].flatMap(([interval, lengths]) =>
          summary("prometheus_target_interval_length_seconds", { interval }, lengths),
        ),
    },
  ];
}

type Pools = () => readonly ScrapePoolStatus[];

function poolFamilies(pools: Pools): readonly Family[] {
  const byJob = (
    type: Family["type"],
    name: string,
    help: string,
    value: (pool: ScrapePoolStatus) => number,
  ): Family => ({
    ...{ name: `prometheus_target_${name}`, help, type },
    read: () => pools().map((pool) => ({ labels: { scrape_job: pool.jobName }, value: value(pool) })),
  });
  const syncLength = "prometheus_target_sync_length_seconds";
  return [
    byJob("gauge", "scrape_pool_targets", "Targets that are scraped.", (pool) => pool.activeTargets.length),
    byJob("gauge", "scrape_pool_target_limit", "target_limit; 0 is none.", (pool) => pool.targetsMax),
    byJob(
      "counter",
      "scrape_pool_sync_total",
      "How often targets were chosen anew.",
      ({ selections }) => selections.count,
    ),
    byJob(
      "counter",
      "sync_failed_total",
      "Targets that cannot be scraped as relabelling leaves them, at each choice.",
      (pool) => pool.failedCount,
    ),
    byJob(
      "gauge",
      "metadata_cache_entries",
      "Metrics whose type, help or unit is known.",
      (pool) => pool.metadataCount,
    ),
    {
      ...{ name: syncLength, help: "How long it took to choose targets anew.", type: "summary" },
      read: () =>
        pools().flatMap(({ jobName, selections }) =>
          summary(syncLength, { scrape_job: jobName }, selections),
        ),
    },
  ];
}

function discoveryFamilies(pools: Pools): readonly Family[] {
  const failures = (kind: string) =>
    pools()
      .flatMap(({ discoveries }) => discoveries)
      .filter((discovery) => discovery.kind === kind)
      .reduce((sum, discovery) => sum + discovery.failures, 0);
  const help = "How often discovery could not see everything, and kept what it had seen before.";
  return [
    {
      name: "prometheus_sd_discovered_targets",
      help: "Targets that are configured, added and found, before relabelling.",
      type: "gauge",
      read: () =>
        pools().map(({ jobName, discoveredCount }) => ({
          labels: { name: "scrape", config: jobName },
          value: discoveredCount,
        })),
    },
    {
      name: "prometheus_sd_refresh_failures_total",
      ...{ help, type: "counter" },
      read: () => {
        const kinds = new Set(pools().flatMap(({ discoveries }) => discoveries.map(({ kind }) => kind)));
        const refreshing = (["dns", "http"] as const).filter((kind) => kinds.has(kind));
        return refreshing.map((kind) => ({ labels: { mechanism: kind }, value: failures(kind) }));
      },
    },
    one("counter", "prometheus_sd_http_failures_total", help, () => failures("http")),
    one("counter", "prometheus_sd_kubernetes_failures_total", help, () => failures("kubernetes")),
  ];
}

function one(
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: () => number,
  labels: Sample["labels"] = {},
): Family {
  return { name, help, type, read: () => [{ labels, value: value() }] };
}

const ranks = [0.01, 0.05, 0.5, 0.9, 0.99];

function summary(name: string, labels: Sample["labels"], lengths: LengthSummaryStatus): readonly Sample[] {
  const values = lengths.quantiles(ranks);
  const quantiles = ranks.map((quantile, i) => ({ labels: { ...labels, quantile }, value: values[i]! }));
  return [
    ...quantiles.filter(({ value }) => !Number.isNaN(value)),
    { metricName: `${name}_sum`, labels, value: lengths.sumSeconds },
    { metricName: `${name}_count`, labels, value: lengths.count },
  ];
}
