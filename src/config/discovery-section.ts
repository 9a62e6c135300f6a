/**
 * readDiscoveries: `file_sd_configs`, `http_sd_configs` and `dns_sd_configs` of a job; `kubernetes_sd_configs` are in
 * `kubernetes-section.ts`.
 *
 *   file_sd_configs: [{ files: [targets/*.json], refresh_interval: 5m }]
 *   http_sd_configs: [{ url: "http://inventory/targets", refresh_interval: 1m, basic_auth: … }]
 *   dns_sd_configs: [{ names: [_metrics._tcp.example.org], type: SRV, port: 9100, refresh_interval: 30s }]
 *
 * Source: Prometheus configuration, `<file_sd_config>`, `<http_sd_config>`, `<dns_sd_config>`.
 */

import {
  type DiscoveryConfig,
  type DnsDiscoveryConfig,
  dnsRecordTypes,
  type FileDiscoveryConfig,
  type HttpDiscoveryConfig,
} from "../discovery/discovery-config.js";
import { type ConfigPlace, pathIn } from "./config-place.js";
import { badEscape, readHttpClient } from "./http-client-section.js";
import { readKubernetesDiscovery } from "./kubernetes-section.js";
import type { YamlSection } from "./yaml-section.js";

/** Throws ConfigError. */
export function readDiscoveries(job: YamlSection, place: ConfigPlace): readonly DiscoveryConfig[] {
  const discoveries = [
    ...job.sections("file_sd_configs").map((section) => readFileDiscovery(section, place)),
    ...job.sections("http_sd_configs").map((section) => readHttpDiscovery(section, place)),
    ...job.sections("dns_sd_configs").map(readDnsDiscovery),
    ...job.sections("kubernetes_sd_configs").map((section) => readKubernetesDiscovery(section, place)),
  ];
  job.notYet(
    othersNames.map((name) => `${name}_sd_configs`),
    "sections",
    "its targets are not scraped; a program that knows them can serve them for http_sd_configs",
  );
  return discoveries;
}

/** What Prometheus knows besides. */
const othersNames = [
  ...["aws", "azure", "consul", "digitalocean", "docker", "dockerswarm", "ec2", "eureka", "gce", "hetzner"],
  ...["ionos", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack"],
  ...["ovhcloud", "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr"],
];

function readFileDiscovery(section: YamlSection, place: ConfigPlace): FileDiscoveryConfig {
  const patterns = section.textList("files") ?? [];
  if (patterns.length === 0) section.fail("files", "must name at least one file");
  for (const pattern of patterns) {
    if (!/^[^*]*(?:\*[^/]*)?\.(?:json|ya?ml|JSON|YA?ML)$/.test(pattern))
      section.fail(
        "files",
        `must be paths that end with .json, .yml or .yaml, with * in the last element only, not "${pattern}"`,
      );
  }
  const refreshIntervalMs = readRefreshInterval(section, 5 * 60_000);
  section.finish();
  return { kind: "file", files: patterns.map((pattern) => pathIn(place, pattern)!), refreshIntervalMs };
}

function readHttpDiscovery(section: YamlSection, place: ConfigPlace): HttpDiscoveryConfig {
  const url = section.text("url") ?? "";
  if (url === "") section.fail("url", "must be given");
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  // What is wrong may have a password in it.
  if (
    !/^https?:\/\/[^/{}|\\^`\s][^/?#{}|\\^`\s]*(?:[/?#]|$)/i.test(url) ||
    parsed === undefined ||
    badEscape.test(url) ||
    parsed.hostname === ""
  )
    section.fail("url", "must be a URL of http or https with a host");
  const refreshIntervalMs = readRefreshInterval(section, 60_000);
  const client = readHttpClient(section, place);
  section.finish();
  return { kind: "http", url, refreshIntervalMs, client };
}

function readDnsDiscovery(section: YamlSection): DnsDiscoveryConfig {
  const names = section.textList("names") ?? [];
  if (names.length === 0) section.fail("names", "must have at least one name");
  const written = section.text("type") ?? (section.has("type") ? "" : "SRV");
  const type =
    dnsRecordTypes.find((known) => known === written.toUpperCase()) ??
    section.fail("type", `must be one of ${dnsRecordTypes.join(", ")}, not "${written}"`);
  const port = section.count("port") ?? 0;
  if (port === 0 && type !== "SRV") section.fail("port", "must be given for all types but SRV");
  const refreshIntervalMs = readRefreshInterval(section, 30_000);
  section.finish();
  return { kind: "dns", names, type, port, refreshIntervalMs };
}

function readRefreshInterval(section: YamlSection, defaultMs: number): number {
  const intervalMs = section.duration("refresh_interval") ?? defaultMs;
  if (intervalMs === 0) section.fail("refresh_interval", "must be more than zero");
  return intervalMs;
}
