/**
 * OwnMetrics: what the server tells about itself at /metrics, in a registry of its own.
 *
 * Counters and histograms are fed by the routes; gauges about storage are read from the database when the page is
 * served. All names begin with `narthex_`, those of the process with `process_` and `nodejs_`; what a Prometheus tells of
 * itself, too, is there under its name as well (prometheus-metrics.ts).
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AgentStatus } from "../agent/known-agent.js";
import type { DatabaseStatus } from "../api.js";
import type { GraphiteCounts } from "../ingest/graphite/graphite-counts.js";
import type { PushProtocol, RefusalReason, UnstoredKind } from "../ingest/push/push.js";
import type { RejectReason } from "../model/appendable.js";
import type { TimestampMs } from "../model/sample.js";
import type { JobDiscoveryStatus, ScrapePoolStatus, ScrapeTotals } from "../scrape/status.js";
import { addPrometheusMetrics } from "./prometheus-metrics.js";

/** How samples reach the server: the label `protocol` of the ingest counters. */
export type IngestProtocol = PushProtocol | "import";

export type NotStoredReason = RejectReason | RefusalReason | UnstoredKind | "malformed";

/** What the server tells besides what its routes count. */
export interface OwnMetricsSources {
  readonly config?: () => ConfigStatus;
  readonly graphite?: () => GraphiteCounts;
  readonly scrape?: () => ScrapeTotals;
  readonly scrapePools?: () => readonly ScrapePoolStatus[];
  readonly agents?: () => readonly AgentStatus[];
}

export interface ConfigStatus {
  /** Whether the last attempt to read the configuration succeeded. */
  readonly isLastReloadSuccessful: boolean;
  /** When the one in force was read. */
  readonly readAt: TimestampMs;
  /** Of the last attempt, when that failed. */
  readonly failure?: { readonly time: TimestampMs; readonly reason: string };
}

export class OwnMetrics {
  readonly #registry = new Registry();
  readonly #status: () => DatabaseStatus;
  readonly #requests = this.#counter("narthex_http_requests_total", "HTTP requests answered.", [
    "handler",
    "method",
    "code",
  ]);
  readonly #requestSeconds = this.#histogram(
    "narthex_http_request_duration_seconds",
    "Time from the last byte of a request's headers to the last byte of its reply.",
    "handler",
  );
  readonly #querySeconds = this.#histogram(
    "narthex_query_duration_seconds",
    "Time to evaluate a query, without writing its result.",
    "kind",
  );
  readonly #ingested = this.#counter("narthex_ingested_samples_total", "Samples acknowledged.", ["protocol"]);
  readonly #refused = this.#counter("narthex_refused_samples_total", "Samples, rows and lines not stored.", [
    "protocol",
    "reason",
  ]);

  constructor(version: string, status: () => DatabaseStatus, sources: OwnMetricsSources = {}) {
    const { config, graphite, scrape, agents } = sources;
    const scrapePools = sources.scrapePools && oncePerPage(sources.scrapePools);
    this.#status = status;
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge("narthex_build_info", "1, with the version as a label.", ["version"]).set({ version }, 1);
    this.#storageGauge("narthex_head_series", "Series in the head.", (now) => now.headSeries);
    this.#storageGauge("narthex_head_chunks", "Chunks in the head.", (now) => now.headChunks);
    this.#storageGauge("narthex_head_samples", "Samples in the head.", (now) => now.headSamples);
    this.#storageGauge("narthex_wal_bytes", "Size of the write-ahead log.", (now) => now.walBytes);
    this.#storageGauge("narthex_blocks", "Blocks on disk.", (now) => now.blocks.length);
    this.#storageGauge("narthex_block_bytes", "Size of all blocks.", (now) => sum(now, "bytes"));
    this.#storageGauge("narthex_block_samples", "Samples in all blocks.", (now) => sum(now, "samples"));
    this.#storageGauge(
      "narthex_left_block_bytes",
      "Size of blocks that were merged or dropped and take space until an export that began before is done.",
      (now) => now.leftBytes,
    );
    this.#storageGauge(
      "narthex_storage_losses",
      "Things lost or set aside when the database was opened; see /api/v1/status/tsdb.",
      (now) => now.losses.length,
    );
    this.#storageGauge(
      "narthex_writes_refused",
      "1 while the disk takes no writes, as when it is full; they succeed again when it does.",
      (now) => Number(now.writeTrouble?.kind === "refused"),
    );
    this.#storageGauge(
      "narthex_poisoned",
      "1 when a sync failed: nothing is written until the database is opened again.",
      (now) => Number(now.writeTrouble?.kind === "poisoned"),
    );
    if (config !== undefined) this.#addConfig(config);
    if (graphite !== undefined) this.#addGraphite(graphite);
    if (scrape !== undefined) this.#addScrapes(scrape);
    if (scrapePools !== undefined) this.#addPools(scrapePools);
    if (agents !== undefined) this.#addAgents(agents);
    const shared = scrapePools === undefined ? sources : { ...sources, scrapePools };
    addPrometheusMetrics(this.#registry, version, status, shared);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The page in the Prometheus text format. */
  page(): Promise<string> {
    return this.#registry.metrics();
  }

  countRequest(handler: string, method: string, status: number, durationMs: number): void {
    this.#requests.inc({ handler, method, code: status });
    this.#requestSeconds.observe({ handler }, durationMs / 1000);
  }

  countQuery(kind: "instant" | "range", durationMs: number): void {
    this.#querySeconds.observe({ kind }, durationMs / 1000);
  }

  countIngested(protocol: IngestProtocol, samples: number): void {
    this.#ingested.inc({ protocol }, samples);
  }

  countRefused(protocol: IngestProtocol, reason: NotStoredReason, count: number): void {
    this.#refused.inc({ protocol, reason }, count);
  }

  #addConfig(status: () => ConfigStatus): void {
    this.#read(
      Gauge,
      "narthex_config_last_reload_successful",
      "Whether the last attempt to read the configuration succeeded.",
      () => Number(status().isLastReloadSuccessful),
    );
    this.#read(
      Gauge,
      "narthex_config_last_reload_success_timestamp_seconds",
      "When the configuration in force was read.",
      () => status().readAt / 1000,
    );
  }

  #addGraphite(counts: () => GraphiteCounts): void {
    this.#read(
      Gauge,
      "narthex_graphite_connections",
      "Open connections of Graphite senders.",
      () => counts().connections,
    );
    this.#read(Counter, "narthex_graphite_datagrams_total", "Datagrams received.", () => counts().datagrams);
    this.#read(
      Counter,
      "narthex_graphite_dropped_datagrams_total",
      "Datagrams that found the queue full.",
      () => counts().datagramsDropped,
    );
    this.#read(Counter, "narthex_graphite_samples_total", "Samples stored.", () => counts().samples);
    this.#read(
      Counter,
      "narthex_graphite_refused_total",
      "Lines that could not be read, and samples that were not taken.",
      () => counts().refused,
    );
  }

  #addScrapes(totals: () => ScrapeTotals): void {
    this.#read(Counter, "narthex_scrapes_total", "Scrapes done.", () => totals().scrapes);
    this.#read(
      Counter,
      "narthex_scrape_failures_total",
      "Scrapes after which the target was down.",
      () => totals().failures,
    );
    this.#read(
      Counter,
      "narthex_scrape_samples_total",
      "Samples of scrapes acknowledged, those about the scrapes themselves included.",
      () => totals().samples,
    );
    this.#read(
      Counter,
      "narthex_scrape_samples_out_of_order_total",
      "Samples of scraped pages, stored or not, that were older than one before them of their series.",
      () => totals().outOfOrder,
    );
    this.#readEach(
      "narthex_scrape_samples_not_stored_total",
      "Samples of scraped pages that were not stored.",
      "reason",
      () => totals().unstored,
    );
    this.#readEach(
      "narthex_scrape_limit_failures_total",
      "Scrapes that failed for a limit of their configuration.",
      "limit",
      () => totals().limits,
    );
  }

  #addPools(pools: () => readonly ScrapePoolStatus[]): void {
    const gauges: readonly (readonly [name: string, help: string, (pool: ScrapePoolStatus) => number])[] = [
      ["targets", "Targets that are scraped, by job.", ({ activeTargets }) => activeTargets.length],
      ["targets_down", "Targets whose last scrape failed, by job.", countDown],
      ["dropped_targets", "Targets that relabelling dropped, by job.", ({ droppedCount }) => droppedCount],
    ];
    for (const [name, help, value] of gauges) {
      const read = () => pools().map((pool) => [pool.jobName, value(pool)] as const);
      this.#readLabelled(`narthex_scrape_pool_${name}`, help, "scrape_job", read);
    }
    this.#addDiscoveries(pools);
  }

  #addDiscoveries(pools: () => readonly ScrapePoolStatus[]): void {
    this.#readDiscoveries(
      Counter,
      "narthex_discovery_refreshes_total",
      "How often discovery has looked for targets.",
      { pools, value: ({ refreshes }) => refreshes },
    );
    this.#readDiscoveries(
      Counter,
      "narthex_discovery_failures_total",
      "How often discovery could not see everything, and kept what it had seen before.",
      { pools, value: ({ failures }) => failures },
    );
    this.#readDiscoveries(
      Gauge,
      "narthex_discovery_failing",
      "How many discoveries could not see everything the last time.",
      { pools, value: ({ lastError }) => Number(lastError !== "") },
    );
    this.#readDiscoveries(
      Gauge,
      "narthex_discovered_targets",
      "Targets that discovery knows, before relabelling.",
      { pools, value: ({ targets }) => targets },
    );
  }

  #addAgents(agents: () => readonly AgentStatus[]): void {
    const gauges: readonly (readonly [name: string, help: string, (agent: AgentStatus) => number])[] = [
      ["connected", "1 while an agent of the configuration is connected.", isConnected],
      ["targets", "Targets that an agent told of and may bring.", ({ targets }) => targets],
      [
        "refused_targets",
        "Targets that an agent told of and may not bring.",
        ({ refusedCount }) => refusedCount,
      ],
    ];
    for (const [name, help, value] of gauges) {
      const read = () => agents().map((agent) => [agent.name, value(agent)] as const);
      this.#readLabelled(`narthex_agent_${name}`, help, "agent", read);
    }
  }

  /** A gauge with one label, whose values are looked up when the page is served. */
  #readLabelled(
    name: string,
    help: string,
    label: string,
    read: () => Iterable<readonly [labelValue: string, value: number]>,
  ): void {
    new Gauge({
      ...{ name, help },
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [labelValue, value] of read()) this.set({ [label]: labelValue }, value);
      },
    });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, labelName: string): Histogram {
    const buckets = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
    return new Histogram({ name, help, labelNames: [labelName], buckets, registers: [this.#registry] });
  }

  #storageGauge(name: string, help: string, read: (status: DatabaseStatus) => number): void {
    const status = this.#status;
    this.#read(Gauge, name, help, () => read(status()));
  }

  /** A counter for each key of a map that is asked for when the page is served. */
  #readEach(name: string, help: string, labelName: string, values: () => ReadonlyMap<string, number>): void {
    new Counter({
      name,
      help,
      labelNames: [labelName],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [key, value] of values()) this.inc({ [labelName]: key }, value);
      },
    });
  }

  /** A metric of all discoveries of one kind that a job has, together. */
  #readDiscoveries(
    kind: typeof Gauge | typeof Counter,
    name: string,
    help: string,
    read: {
      readonly pools: () => readonly ScrapePoolStatus[];
      readonly value: (discovery: JobDiscoveryStatus) => number;
    },
  ): void {
    new kind({
      name,
      help,
      labelNames: ["scrape_job", "kind"],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { jobName, discoveries } of read.pools()) {
          for (const discovery of discoveries)
            this.inc({ scrape_job: jobName, kind: discovery.kind }, read.value(discovery));
        }
      },
    });
  }

  /** A metric whose value is asked for when the page is served. */
  #read(kind: typeof Gauge | typeof Counter, name: string, help: string, value: () => number): void {
    new kind({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  }
}

/** All metrics of a page are read in one turn: what takes long with many targets is asked for once. */
function oncePerPage<T>(read: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => {
    if (known === undefined) {
      known = { value: read() };
      queueMicrotask(() => {
        known = undefined;
      });
    }
    return known.value;
  };
}

function sum(status: DatabaseStatus, column: "bytes" | "samples"): number {
  return status.blocks.reduce((total, block) => total + block[column], 0);
}

function countDown({ activeTargets }: ScrapePoolStatus): number {
  return activeTargets.filter(({ health }) => health === "down").length;
}

function isConnected({ connection }: AgentStatus): number {
  return Number(connection !== undefined);
}
