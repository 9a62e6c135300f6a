/**
 * readTextfileConfigs: `textfile_configs`: directories of `*.prom` files, read as if a target served them.
 *
 *   textfile_configs:
 *     - job_name: batch
 *       directories: [/var/lib/node_exporter/textfile]     # relative to the file that says it
 *       scrape_interval: 1m                                # as in scrape_configs, with all their limits
 *       labels: { instance: db-1 }                         # instance is the name of this machine unless given
 *       metric_relabel_configs: […]
 */

import { hostname } from "node:os";
import { defaultHttpClientConfig } from "../http-client/http-client-config.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";
import { type ConfigPlace, pathIn } from "./config-place.js";
import { type GlobalConfig, readScrapeDefaults } from "./global-section.js";
import { readRelabelConfigs } from "./relabel-section.js";
import type { YamlSection } from "./yaml-section.js";

export interface TextfileOptions {
  readonly globals: GlobalConfig;
  readonly place: ConfigPlace;
  /** Of jobs that are there already. */
  readonly jobNames: Iterable<string>;
}

/** Throws ConfigError. */
export function readTextfileConfigs(root: YamlSection, options: TextfileOptions): readonly ScrapeConfig[] {
  const seen = new Set(options.jobNames);
  return root.sections("textfile_configs").map((section) => {
    const config = readTextfileConfig(section, options);
    if (seen.has(config.jobName))
      section.fail("job_name", `"${config.jobName}" is the name of another job too`);
    seen.add(config.jobName);
    return config;
  });
}

function readTextfileConfig(section: YamlSection, { globals, place }: TextfileOptions): ScrapeConfig {
  const jobName = section.text("job_name") ?? "";
  if (jobName === "") section.fail("job_name", "must be given and not empty");
  const named = section.textList("directories") ?? [];
  if (named.length === 0) section.fail("directories", "must name at least one directory");
  const directories = named.map(
    (path) => pathIn(place, path) ?? section.fail("directories", "must not have empty names"),
  );
  const labels = section.texts("labels") ?? {};
  if (Object.hasOwn(labels, "")) section.fail("labels", "must have names that are not empty");
  const defaults = readScrapeDefaults(section, globals);
  const config: ScrapeConfig = {
    jobName,
    ...defaults,
    scheme: "http",
    metricsPath: directories.join(","),
    params: {},
    honorLabels: section.flag("honor_labels") ?? false,
    honorTimestamps: false,
    trackTimestampsStaleness: false,
    fallbackProtocol: undefined,
    enableCompression: false,
    http: defaultHttpClientConfig,
    relabelConfigs: [],
    metricRelabelConfigs: readRelabelConfigs(section, "metric_relabel_configs", defaults.nameValidation),
    staticTargets: [{ address: hostname(), labels: { ...labels, __scheme__: "file" } }],
    discoveries: [],
    textfileDirectories: directories,
  };
  section.finish();
  return Object.freeze(config);
}
