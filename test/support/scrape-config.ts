/**
 * A job's configuration with every default, for tests that care about a field or two.
 */

import { defaultHttpClientConfig } from "../../src/http-client/http-client-config.js";
import { defaultScrapeProtocols, noScrapeLimits, type ScrapeConfig } from "../../src/scrape/scrape-config.js";

export function scrapeConfig(changes: Partial<ScrapeConfig> = {}): ScrapeConfig {
  return {
    jobName: "app",
    intervalMs: 15_000,
    timeoutMs: 10_000,
    scheme: "http",
    metricsPath: "/metrics",
    params: {},
    honorLabels: false,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
    protocols: defaultScrapeProtocols,
    fallbackProtocol: undefined,
    enableCompression: true,
    http: defaultHttpClientConfig,
    nameValidation: "utf8",
    nameEscaping: "allow-utf-8",
    relabelConfigs: [],
    metricRelabelConfigs: [],
    extraScrapeMetrics: false,
    ...noScrapeLimits,
    staticTargets: [],
    discoveries: [],
    textfileDirectories: [],
    ...changes,
  };
}
