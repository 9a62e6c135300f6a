/**
 * ScrapeConfig: what one `scrape_configs` entry says, with every default filled in.
 */

import type { DiscoveryConfig } from "../discovery/discovery-config.js";
import type { HttpClientConfig } from "../http-client/http-client-config.js";
import type { NameValidation } from "../relabel/name-validation.js";
import type { RelabelConfig } from "../relabel/relabel-config.js";

/** Prometheus' names of exposition protocols. */
export const scrapeProtocols = [
  "OpenMetricsText1.0.0",
  "OpenMetricsText0.0.1",
  "PrometheusText1.0.0",
  "PrometheusText0.0.4",
  "PrometheusProto",
] as const;

export type ScrapeProtocol = (typeof scrapeProtocols)[number];

/** What targets are asked for unless the configuration says otherwise, most wanted first. */
export const defaultScrapeProtocols: readonly ScrapeProtocol[] = scrapeProtocols.filter(
  (protocol) => protocol !== "PrometheusProto",
);

/** What targets are told to make of names that are not letters, digits and underscores. */
export const nameEscapings = ["allow-utf-8", "underscores", "dots", "values"] as const;

export type NameEscaping = (typeof nameEscapings)[number];

export interface ScrapeConfig extends ScrapeLimits {
  readonly jobName: string;
  readonly intervalMs: number;
  /** At most `intervalMs`. */
  readonly timeoutMs: number;
  readonly scheme: "http" | "https";
  readonly metricsPath: string;
  readonly params: Readonly<Record<string, readonly string[]>>;
  /** Scraped labels win over the target's; otherwise the scraped ones are renamed `exported_NAME`. */
  readonly honorLabels: boolean;
  /** Times in the page count; otherwise every sample is of the scrape's time. */
  readonly honorTimestamps: boolean;
  /** Whether series whose samples bring their own time get a staleness marker when they vanish. */
  readonly trackTimestampsStaleness: boolean;
  /** In order of preference. */
  readonly protocols: readonly ScrapeProtocol[];
  /** For targets that send no Content-Type, or one that is none of ours. */
  readonly fallbackProtocol: ScrapeProtocol | undefined;
  readonly enableCompression: boolean;
  readonly http: HttpClientConfig;
  /** A series with a name that is not valid by this fails the scrape. */
  readonly nameValidation: NameValidation;
  readonly nameEscaping: NameEscaping;
  /** Of targets: what they are called and whether they are scraped. */
  readonly relabelConfigs: readonly RelabelConfig[];
  /** Of the series of their pages. */
  readonly metricRelabelConfigs: readonly RelabelConfig[];
  /** Whether timeout, sample limit and page size are series of each target too. */
  readonly extraScrapeMetrics: boolean;
  readonly staticTargets: readonly StaticTarget[];
  readonly discoveries: readonly DiscoveryConfig[];
  /** When there are any, pages are made of the `*.prom` files in them, and nobody is asked. */
  readonly textfileDirectories: readonly string[];
  /** The agent through which targets are asked; without it they are asked from here. */
  readonly agent?: string;
}

/** 0 is no limit. */
export interface ScrapeLimits {
  /** More samples than this, after relabelling, fail the scrape. */
  readonly samplesMax: number;
  /** A page that is not smaller, uncompressed, fails the scrape. */
  readonly bodySizeMaxBytes: number;
  /** A series with more labels, name and target's labels included, fails the scrape; so do longer names and values. */
  readonly labelsMax: number;
  readonly labelNameSizeMaxBytes: number;
  readonly labelValueSizeMaxBytes: number;
  /** When a job has more targets after relabelling, none of them is scraped, and all are down. */
  readonly targetsMax: number;
  /** How many targets that relabelling dropped are remembered, to be looked at. */
  readonly droppedTargetsMax: number;
}

export const noScrapeLimits: ScrapeLimits = {
  samplesMax: 0,
  bodySizeMaxBytes: 0,
  labelsMax: 0,
  labelNameSizeMaxBytes: 0,
  labelValueSizeMaxBytes: 0,
  targetsMax: 0,
  droppedTargetsMax: 0,
};

export interface StaticTarget {
  /** `host:port`. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}
