/**
 * ScrapeConfig: what one `scrape_configs` entry says, with every default filled in.
 */

/** Prometheus' names of exposition protocols; protobuf comes with a later issue. */
export const scrapeProtocols = [
  "OpenMetricsText1.0.0",
  "OpenMetricsText0.0.1",
  "PrometheusText1.0.0",
  "PrometheusText0.0.4",
] as const;

export type ScrapeProtocol = (typeof scrapeProtocols)[number];

export interface ScrapeConfig {
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
  /** In order of preference. */
  readonly protocols: readonly ScrapeProtocol[];
  /** For targets that send no Content-Type, or one that is none of ours. */
  readonly fallbackProtocol: ScrapeProtocol | undefined;
  readonly enableCompression: boolean;
  readonly followRedirects: boolean;
  /** The value of the Authorization header, a secret; never shown. */
  readonly authorization: string | undefined;
  /** More samples than this fail the scrape; 0 is no limit. */
  readonly samplesMax: number;
  /** A larger page, uncompressed, fails the scrape; 0 is no limit. */
  readonly bodySizeMaxBytes: number;
  readonly staticTargets: readonly StaticTarget[];
}

export interface StaticTarget {
  /** `host:port`. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}
