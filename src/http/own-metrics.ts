/**
 * OwnMetrics: what the server tells about itself at /metrics, in a registry of its own.
 *
 * Counters and histograms are fed by the routes; gauges about storage are read from the database when the page is
 * served. All names begin with `narthex_`, those of the process with `process_` and `nodejs_`.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { DatabaseStatus } from "../api.js";
import type { RejectReason } from "../model/appendable.js";

/** How samples reach the server: the label `protocol` of the ingest counters. */
export type IngestProtocol = "exposition" | "remote-write" | "import";

export type RefusalReason = RejectReason | "malformed";

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

  constructor(version: string, status: () => DatabaseStatus) {
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

  countRefused(protocol: IngestProtocol, reason: RefusalReason, count: number): void {
    this.#refused.inc({ protocol, reason }, count);
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
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read(status()));
      },
    });
  }
}

function sum(status: DatabaseStatus, column: "bytes" | "samples"): number {
  return status.blocks.reduce((total, block) => total + block[column], 0);
}
