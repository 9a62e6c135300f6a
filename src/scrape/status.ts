/**
 * ScrapePoolStatus, TargetStatus: what can be seen of jobs and their targets from outside.
 */

import type { FoundTargetsStatus } from "../discovery/found-targets.js";
import type { Labels } from "../model/labels.js";
import type { MetadataReader } from "../model/metric-metadata.js";
import type { TimestampMs } from "../model/sample.js";
import type { RelabelConfig } from "../relabel/relabel-config.js";

/** One job. */
export interface ScrapePoolStatus {
  readonly jobName: string;
  readonly activeTargets: readonly TargetStatus[];
  /** The discovered labels of targets that relabelling dropped, as many as are remembered. */
  readonly droppedTargets: readonly Labels[];
  /** Of all that were dropped. */
  readonly droppedCount: number;
  /** All that are configured, added and found, before relabelling. */
  readonly discoveredCount: number;
  /** Of metrics that its targets say something of, target by target. */
  readonly metadataCount: number;
  /** target_limit; 0 is none. */
  readonly targetsMax: number;
  /** Each choice of targets anew: how long it took. */
  readonly selections: LengthSummaryStatus;
  /** Targets that could not be made of what was found, at all selections together. */
  readonly failedCount: number;
  readonly relabelConfigs: readonly RelabelConfig[];
  readonly discoveries: readonly JobDiscoveryStatus[];
}

/** One discovery of a job. */
export type JobDiscoveryStatus = FoundTargetsStatus;

export interface TargetStatus {
  readonly url: string;
  /** Before relabelling. */
  readonly discoveredLabels: Labels;
  readonly labels: Labels;
  readonly health: "unknown" | "up" | "down";
  /** Why the last scrape failed; empty when it did not. */
  readonly lastError: string;
  /** Undefined before the first scrape. */
  readonly lastScrape: TimestampMs | undefined;
  readonly lastDurationMs: number;
  readonly lastSamples: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** What its pages say of its metrics, where that is known. */
  readonly metadata?: MetadataReader;
}

/** How long something took, each time. */
export interface LengthSummaryStatus {
  readonly count: number;
  readonly sumSeconds: number;
  /** In seconds, each of a rank from 0 to 1, of those not long ago; NaN when there were none. */
  quantiles(ranks: readonly number[]): readonly number[];
}

/** What became of all scrapes since the start. */
export interface ScrapeTotals {
  readonly scrapes: number;
  /** Those after which the target was down. */
  readonly failures: number;
  /** Samples acknowledged, those about the scrapes themselves and staleness markers included. */
  readonly samples: number;
  /** Samples that brought times older than their series had already; they are stored all the same. */
  readonly outOfOrder: number;
  readonly unstored: ReadonlyMap<string, number>;
  /** Scrapes that failed for a limit of their configuration, by limit. */
  readonly limits: ReadonlyMap<string, number>;
  /** From one scrape of a target to its next, by the interval that was wanted, as `15s`. */
  readonly intervals: ReadonlyMap<string, LengthSummaryStatus>;
}
