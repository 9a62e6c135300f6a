/**
 * Configuration files, good and bad, as `promtool check config` judges them: we take what it takes, we refuse what it
 * refuses, except for what `refused` and `taken` name.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.js";
import { findPeer, isPeerMissing } from "../support/peers.js";

const jobs: readonly string[] = [
  "params: { a: [b, c] }",
  "params: { a: b }",
  "static_configs: [{ targets: [h:1, '[::1]:2'], labels: { x: 1, a.b: c } }]",
  "static_configs: [{ targets: ['http://h'] }]",
  "static_configs: [{ targets: h:1 }]",
  "static_configs: [{ targets: [''] }]",
  "static_configs: [{ target: [h] }]",
  "static_configs: [{ targets: [h], labels: { '': x } }]",
  "static_configs: [null]",
  "scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]",
  "scrape_protocols: []",
  "scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]",
  "scrape_protocols: [Text]",
  "fallback_scrape_protocol: PrometheusProto",
  "fallback_scrape_protocol: Text",
  "scrape_interval: 1m30s, scrape_timeout: 10s",
  "scrape_interval: 5s, scrape_timeout: 6s",
  "scrape_interval: 0s",
  "scrape_interval: 5",
  "scrape_interval: -5s",
  "honor_labels: yes, honor_timestamps: off, track_timestamps_staleness: true",
  "honor_labels: 'yes'",
  "honor_labels: 1",
  "enable_compression: false, follow_redirects: false, enable_http2: false",
  "sample_limit: 1, target_limit: 2, label_limit: 3, label_name_length_limit: 4, label_value_length_limit: 5",
  "keep_dropped_targets: 7",
  "sample_limit: -1",
  "label_limit: some",
  "body_size_limit: 10MB",
  "body_size_limit: 1.5GiB",
  "body_size_limit: 0",
  "body_size_limit: 10",
  "body_size_limit: 10mb",
  "body_size_limit: 10 MB",
  "metric_name_validation_scheme: legacy, metric_name_escaping_scheme: underscores",
  "metric_name_validation_scheme: ascii",
  "metric_name_escaping_scheme: dots",
  "metric_name_escaping_scheme: none",
  "metric_name_validation_scheme: legacy, metric_name_escaping_scheme: allow-utf-8",
  "always_scrape_classic_histograms: true, convert_classic_histograms_to_nhcb: true",
  "native_histogram_bucket_limit: 4, native_histogram_min_bucket_factor: 1.1, scrape_failure_log_file: x",
  "basic_auth: { username: a, password: b }",
  "basic_auth: {}",
  "basic_auth: { username: a, username_file: b }",
  "basic_auth: { password: a, password_file: b }",
  "basic_auth: { user: a }",
  "authorization: { credentials: x }",
  "authorization: { type: Basic, credentials: x }",
  "authorization: { credentials: x, credentials_file: y }",
  "authorization: { credentials: x }, basic_auth: { username: a }",
  "authorization: { credentials: x }, oauth2: { client_id: a, token_url: 'http://t' }",
  "bearer_token: x",
  "bearer_token: x, bearer_token_file: y",
  "bearer_token: x, authorization: { credentials: y }",
  "oauth2: { client_id: a, client_secret: b, token_url: 'http://t', scopes: [c], endpoint_params: { d: e } }",
  "oauth2: { client_id: a, token_url: 'http://t', tls_config: { insecure_skip_verify: true }, proxy_url: 'http://p' }",
  "oauth2: { client_id: a, client_secret: b }",
  "oauth2: { client_secret: b, token_url: 'http://t' }",
  "oauth2: { client_id: a, client_secret: b, client_secret_file: c, token_url: 'http://t' }",
  "tls_config: { server_name: a, insecure_skip_verify: true, min_version: TLS12, max_version: TLS13 }",
  "tls_config: { min_version: TLS9 }",
  "tls_config: { cert: x }",
  "tls_config: { key: x }",
  "tls_config: { ca: x, ca_file: y }",
  "tls_config: { verify: false }",
  "proxy_url: 'http://p:3128', no_proxy: 'a,b', proxy_connect_header: { X: [a] }",
  "proxy_from_environment: true",
  "no_proxy: a",
  "proxy_url: 'http://p', proxy_from_environment: true",
  "proxy_from_environment: true, no_proxy: x",
  "proxy_connect_header: { a: [b] }",
  "proxy_url: '::bad'",
  "http_headers: { X-Tenant: { values: [a], secrets: [b] }, Accept: { values: [c] } }",
  "http_headers: { authorization: { values: [a] } }",
  "http_headers: { User-Agent: { values: [a] } }",
  "http_headers: { X: { value: a } }",
  "relabel_configs: [{ source_labels: [a], regex: '(.+)', target_label: b }]",
  "relabel_configs: [{ action: replace }]",
  "relabel_configs: [null]",
  "metric_relabel_configs: [{ action: keep, regex: '(' , source_labels: [a] }]",
  "metrics_path: /x, scheme: https",
  "metric_path: /x",
  "job_name: b",
];

const files: readonly string[] = [
  "",
  "global:",
  "global: {}",
  "scrape_configs: {}",
  "scrape_configs: [null]",
  "scrape_configs: [{}]",
  "scrape_configs: [{ job_name: a }, { job_name: a }]",
  "scrape_configs: [{ job_name: 5 }]",
  "scrape_config: []",
  "- a",
  "a: [",
  "global: { scrape_interval: 5s, scrape_timeout: 10s }",
  "global: { scrape_interval: 5s }\nscrape_configs: [{ job_name: a, scrape_timeout: 6s }]",
  "global: { external_labels: { a: '$HOME b$$', c: 5 } }",
  "global: { external_labels: { '': b } }",
  "global: { external_labels: [a] }",
  "global: { scrape_protocols: [PrometheusProto], body_size_limit: 1MB, keep_dropped_targets: 1, target_limit: 2 }",
  "global: { metric_name_validation_scheme: legacy, metric_name_escaping_scheme: values }",
  "global: { metric_name_validation_scheme: legacy }\nscrape_configs: [{ job_name: a }]",
  "global: { query_log_file: x, scrape_failure_log_file: y, rule_query_offset: 3s, evaluation_interval: 3s }",
  "global: { always_scrape_classic_histograms: true, convert_classic_histograms_to_nhcb: true }",
  "global: { job_name: a }",
  "runtime: { gogc: 50 }",
  "runtime: { gomaxprocs: 50 }",
  "scrape_config_files: ['none/a*b.yml']",
  "scrape_config_files: ['a/*/b.yml']",
  "x: &x { action: keep }",
  "scrape_configs: [{ job_name: a, static_configs: &s [{ targets: [h] }] }, { job_name: b, static_configs: *s }]",
  "scrape_configs: [{ job_name: a, job_name: b }]",
];

/** What promtool takes and we refuse: no scrape could come of it, or half a sample. */
const refused: readonly string[] = ["scheme: ftp", "scheme: HTTPS", "sample_limit: 1.5"];

/** What promtool 3.5 refuses for want of a second key, which has only one sensible value then. */
const taken: readonly string[] = ["metric_name_validation_scheme: legacy"];

describe.skipIf(isPeerMissing("promtool"))("promtool check config", () => {
  let directory: string;
  const verdicts = new Map<string, boolean>();
  const whole = [...files, ...[...jobs, ...refused, ...taken].map(jobFile)];

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "narthex-config-"));
    const paths = whole.map((text, i) => {
      const path = join(directory, `${i}.yml`);
      writeFileSync(path, text);
      return path;
    });
    const { stdout, stderr } = spawnSync(
      findPeer("promtool")!,
      ["check", "config", "--syntax-only", ...paths],
      {
        encoding: "utf8",
      },
    );
    const output = `${stdout}${stderr}`;
    for (const [i, path] of paths.entries())
      verdicts.set(whole[i]!, output.includes(`SUCCESS: ${path} is valid`));
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  async function isTaken(text: string): Promise<boolean> {
    const path = join(directory, `${whole.indexOf(text)}.yml`);
    return loadConfig(path, {}).then(
      () => true,
      (error: { code?: string }) => {
        expect(error.code).toBe("config");
        return false;
      },
    );
  }

  it("has judged good and bad ones", () => {
    const good = [...verdicts.values()].filter((isGood) => isGood).length;
    expect(good).toBeGreaterThan(40);
    expect(verdicts.size - good).toBeGreaterThan(50);
  });

  it.each(jobs)("agrees on a job with %s", async (keys) => {
    expect(await isTaken(jobFile(keys))).toBe(verdicts.get(jobFile(keys)));
  });

  it.each(files)("agrees on %j", async (text) => {
    expect(await isTaken(text)).toBe(verdicts.get(text));
  });

  it.each(refused)("takes %s, and we do not", async (keys) => {
    expect(verdicts.get(jobFile(keys))).toBe(true);
    expect(await isTaken(jobFile(keys))).toBe(false);
  });

  it.each(taken)("refuses %s, and we do not", async (keys) => {
    expect(verdicts.get(jobFile(keys))).toBe(false);
    expect(await isTaken(jobFile(keys))).toBe(true);
  });
});

function jobFile(keys: string): string {
  return `scrape_configs: [{ job_name: a, ${keys} }]`;
}
