/**
 * readScrapeConfigs: `scrape_configs`: what is scraped, and how. See `global-section.ts` for what holds for all jobs.
 *
 * Source: Prometheus configuration, `<scrape_config>`.
 */

import type { ScrapeConfig, StaticTarget } from "../scrape/scrape-config.js";
import type { ConfigPlace } from "./config-place.js";
import { readDiscoveries } from "./discovery-section.js";
import { type GlobalConfig, readScrapeDefaults, readScrapeProtocol } from "./global-section.js";
import { readHttpClient } from "./http-client-section.js";
import { readRelabelConfigs } from "./relabel-section.js";
import type { YamlSection } from "./yaml-section.js";

/** Throws ConfigError. */
export function readScrapeConfigs(
  root: YamlSection,
  globals: GlobalConfig,
  place: ConfigPlace,
): readonly ScrapeConfig[] {
  const seen = new Set<string>();
  return root.sections("scrape_configs").map((section) => {
    const config = readScrapeConfig(section, globals, place);
    if (seen.has(config.jobName))
      section.fail("job_name", `"${config.jobName}" is the name of another job too`);
    seen.add(config.jobName);
    return config;
  });
}

function readScrapeConfig(section: YamlSection, globals: GlobalConfig, place: ConfigPlace): ScrapeConfig {
  const jobName = section.text("job_name") ?? "";
  if (jobName === "") section.fail("job_name", "must be given and not empty");
  const defaults = readScrapeDefaults(section, globals);
  const { nameValidation } = defaults;
  const config: ScrapeConfig = {
    jobName,
    ...defaults,
    scheme: section.oneOf("scheme", ["http", "https"]) ?? "http",
    metricsPath: section.text("metrics_path") ?? (section.has("metrics_path") ? "" : "/metrics"),
    params: readParams(section.section("params")),
    honorLabels: section.flag("honor_labels") ?? false,
    honorTimestamps: section.flag("honor_timestamps") ?? true,
    trackTimestampsStaleness: section.flag("track_timestamps_staleness") ?? false,
    fallbackProtocol: readScrapeProtocol(section, "fallback_scrape_protocol"),
    enableCompression: section.flag("enable_compression") ?? true,
    http: readHttpClient(section, place),
    relabelConfigs: readRelabelConfigs(section, "relabel_configs", nameValidation),
    metricRelabelConfigs: readRelabelConfigs(section, "metric_relabel_configs", nameValidation),
    staticTargets: section.sections("static_configs").flatMap(readStaticConfig),
    discoveries: readDiscoveries(section, place),
    textfileDirectories: [],
  };
  section.notYet(["native_histogram_bucket_limit"], "count");
  section.notYet(["native_histogram_min_bucket_factor"], "number");
  section.finish();
  return Object.freeze(config);
}

function readParams(section: YamlSection | undefined): ScrapeConfig["params"] {
  if (section === undefined) return {};
  return Object.fromEntries(section.keys().map((name) => [name, section.textList(name) ?? []]));
}

function readStaticConfig(section: YamlSection): readonly StaticTarget[] {
  const labels = section.texts("labels") ?? {};
  if (Object.hasOwn(labels, "")) section.fail("labels", "must have names that are not empty");
  const addresses = section.textList("targets") ?? [];
  for (const address of addresses) {
    if (address === "" || address.includes("/"))
      section.fail("targets", `must be host:port without scheme or path, not "${address}"`);
  }
  section.finish();
  return addresses.map((address) => ({ address, labels }));
}
