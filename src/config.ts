/**
 * Config: the configuration file, in Prometheus' words, parsed and validated into one frozen object.
 *
 * `scrape_configs` with static targets are acted on. What Prometheus knows and we do not act on yet is a
 * warning by name; what nobody knows is an error with line, column and the nearest known key.
 */

import { isMap, LineCounter, parseDocument } from "yaml";
import { YamlSection, type YamlSource } from "./config/yaml-section.js";
import { readTextFile } from "./local-files.js";
import { ConfigError } from "./model/errors.js";
import { type ScrapeConfig, type StaticTarget, scrapeProtocols } from "./scrape/scrape-config.js";

export interface Config {
  readonly scrapeConfigs: readonly ScrapeConfig[];
  /** What is in the file but not acted on, in words. */
  readonly warnings: readonly string[];
}

/** Reads a configuration file. Throws StorageError when it cannot be read, ConfigError when it is wrong. */
export async function loadConfig(path: string): Promise<Config> {
  return parseConfig(await readTextFile(path), path);
}

/** `file` is only named in messages. */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new ConfigError(
      `${file}:${line}:${col}: ${problem.message}`,
      { line, column: col },
      { cause: problem },
    );
  }
  const warnings: string[] = [];
  if (document.contents === null) return Object.freeze({ scrapeConfigs: [], warnings });
  if (!isMap(document.contents))
    throw new ConfigError(`${file}:1:1: the file must be a mapping`, { line: 1, column: 1 });

  const source: YamlSource = { file, lines, warnings };
  const root = new YamlSection(source, document.contents, "");
  const globals = readGlobal(root.section("global"));
  const scrapeConfigs = root.sections("scrape_configs").map((section) => readScrapeConfig(section, globals));
  refuseRepeatedJobs(root, scrapeConfigs);
  root.notYet([
    "rule_files",
    "alerting",
    "remote_write",
    "remote_read",
    "storage",
    "tracing",
    "otlp",
    "runtime",
  ]);
  root.notYet(["scrape_config_files", "push_configs"]);
  root.finish();
  return Object.freeze({ scrapeConfigs, warnings });
}

interface Globals {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly protocols: ScrapeConfig["protocols"];
  readonly bodySizeMaxBytes: number;
  readonly samplesMax: number;
}

const defaultGlobals: Globals = {
  intervalMs: 60_000,
  timeoutMs: 10_000,
  protocols: scrapeProtocols,
  bodySizeMaxBytes: 0,
  samplesMax: 0,
};

function readGlobal(section: YamlSection | undefined): Globals {
  if (section === undefined) return defaultGlobals;
  const globals = {
    ...readClockwork(section, defaultGlobals),
    protocols: readProtocols(section) ?? defaultGlobals.protocols,
    bodySizeMaxBytes: section.sizeBytes("body_size_limit") ?? 0,
    samplesMax: section.count("sample_limit") ?? 0,
  };
  section.notYet(["evaluation_interval", "rule_query_offset", "external_labels", "query_log_file"]);
  section.notYet([
    "scrape_failure_log_file",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
  ]);
  section.notYet(["target_limit", "keep_dropped_targets", "metric_name_validation_scheme"]);
  section.notYet([
    "metric_name_escaping_scheme",
    "scrape_native_histograms",
    "convert_classic_histograms_to_nhcb",
  ]);
  section.notYet(["always_scrape_classic_histograms", "extra_scrape_metrics"]);
  section.finish();
  return globals;
}

function readScrapeConfig(section: YamlSection, globals: Globals): ScrapeConfig {
  const jobName = section.text("job_name") ?? "";
  if (jobName === "") section.fail("job_name", "must be given and not empty");
  const config: ScrapeConfig = {
    jobName,
    ...readClockwork(section, globals),
    scheme: section.oneOf("scheme", ["http", "https"]) ?? "http",
    metricsPath: section.text("metrics_path") ?? "/metrics",
    params: readParams(section),
    honorLabels: section.flag("honor_labels") ?? false,
    honorTimestamps: section.flag("honor_timestamps") ?? true,
    protocols: readProtocols(section) ?? globals.protocols,
    fallbackProtocol: section.oneOf("fallback_scrape_protocol", scrapeProtocols),
    enableCompression: section.flag("enable_compression") ?? true,
    followRedirects: section.flag("follow_redirects") ?? true,
    authorization: readAuthorization(section),
    samplesMax: section.count("sample_limit") ?? globals.samplesMax,
    bodySizeMaxBytes: section.sizeBytes("body_size_limit") ?? globals.bodySizeMaxBytes,
    staticTargets: section.sections("static_configs").flatMap(readStaticConfig),
  };
  section.notYet(scrapeKeysNotYet);
  section.finish();
  return Object.freeze(config);
}

/** The interval, and the timeout, which is cut to the interval unless it was given. */
function readClockwork(section: YamlSection, defaults: Globals): { intervalMs: number; timeoutMs: number } {
  const intervalMs = section.duration("scrape_interval") ?? defaults.intervalMs;
  if (intervalMs === 0) section.fail("scrape_interval", "must be more than zero");
  const timeoutMs = section.duration("scrape_timeout") ?? Math.min(defaults.timeoutMs, intervalMs);
  if (timeoutMs > intervalMs) section.fail("scrape_timeout", "must not be longer than scrape_interval");
  return { intervalMs, timeoutMs };
}

const scrapeKeysNotYet = [
  ...[
    "track_timestamps_staleness",
    "oauth2",
    "tls_config",
    "proxy_url",
    "no_proxy",
    "proxy_from_environment",
  ],
  ...["proxy_connect_header", "http_headers", "enable_http2", "relabel_configs", "metric_relabel_configs"],
  ...[
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "target_limit",
    "keep_dropped_targets",
  ],
  ...["scrape_native_histograms", "convert_classic_histograms_to_nhcb", "always_scrape_classic_histograms"],
  ...["native_histogram_bucket_limit", "native_histogram_min_bucket_factor", "scrape_failure_log_file"],
  ...["metric_name_validation_scheme", "metric_name_escaping_scheme", "extra_scrape_metrics"],
  ...["azure_sd_configs", "consul_sd_configs", "digitalocean_sd_configs", "docker_sd_configs"],
  ...["dockerswarm_sd_configs", "dns_sd_configs", "ec2_sd_configs", "eureka_sd_configs", "file_sd_configs"],
  ...["gce_sd_configs", "hetzner_sd_configs", "http_sd_configs", "ionos_sd_configs", "kubernetes_sd_configs"],
  ...[
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "nerve_sd_configs",
  ],
  ...["nomad_sd_configs", "openstack_sd_configs", "ovhcloud_sd_configs", "puppetdb_sd_configs"],
  ...[
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
  ],
];

function readProtocols(section: YamlSection): ScrapeConfig["protocols"] | undefined {
  const names = section.textList("scrape_protocols");
  if (names === undefined) return undefined;
  const spoken = names.filter((name) => name !== "PrometheusProto");
  return spoken.map(
    (name) =>
      scrapeProtocols.find((protocol) => protocol === name) ??
      section.fail("scrape_protocols", `must name ${scrapeProtocols.join(", ")}, not "${name}"`),
  );
}

function readParams(section: YamlSection): ScrapeConfig["params"] {
  const params = section.section("params");
  if (params === undefined) return {};
  return Object.fromEntries(params.keys().map((name) => [name, params.textList(name) ?? []]));
}

function readAuthorization(section: YamlSection): string | undefined {
  const basic = section.section("basic_auth");
  const header = section.section("authorization");
  if (basic !== undefined && header !== undefined) {
    section.fail("authorization", "and basic_auth must not both be given");
  }
  if (basic !== undefined) {
    const credentials = `${basic.text("username") ?? ""}:${basic.text("password") ?? ""}`;
    basic.notYet(["username_file", "password_file"]);
    basic.finish();
    return `Basic ${Buffer.from(credentials).toString("base64")}`;
  }
  if (header === undefined) return undefined;
  const type = header.text("type") ?? "Bearer";
  const credentials = header.text("credentials");
  header.notYet(["credentials_file"]);
  header.finish();
  return credentials === undefined ? undefined : `${type} ${credentials}`;
}

function readStaticConfig(section: YamlSection): readonly StaticTarget[] {
  const labels = section.texts("labels") ?? {};
  const addresses = section.textList("targets") ?? [];
  for (const address of addresses) {
    if (address === "" || address.includes("/")) {
      section.fail("targets", `must be host:port without scheme or path, not "${address}"`);
    }
  }
  section.finish();
  return addresses.map((address) => ({ address, labels }));
}

function refuseRepeatedJobs(root: YamlSection, configs: readonly ScrapeConfig[]): void {
  const seen = new Set<string>();
  for (const { jobName } of configs) {
    if (seen.has(jobName)) root.fail("scrape_configs", `name the job "${jobName}" twice`);
    seen.add(jobName);
  }
}
