/**
 * Every key of a configuration with every kind of value, as `promtool check config` judges them: we take what it takes,
 * we refuse what it refuses, except for what `exceptions` names, each with its reason. What Prometheus has made of a
 * configuration, defaults and all, is to us the same configuration.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig, parseConfig } from "../../src/config.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { api, startPrometheus } from "../support/processes.js";

const values = [
  ...["", "null", "~", "''", "x", "a b", "!!str x", "*x", "$x", "2001-01-01"],
  ...["0", "1", "-1", "1.5", "'1'", "1e3", "0x10", "010", "0b11", "1_000", "0o17", "08"],
  ...["9223372036854775807", "99999999999999999999", "true", "yes", "off", "'true'"],
  ...["[]", "[a]", "[1, true]", "[null]", "['']", "{}", "{ a: b }", "{ a: [b] }", "{ '': b }", "{ a: null }"],
  ...["5s", "'5s'", "5", "1h30m", "1.5h", "5ms", "1y", "5 s", "-5s", "1d5s", "5s1d"],
  ...["10MB", "10mb", "0B", "1e2MB", "http://h", "h:9100", "socks5://h:1080"],
  ...["1GiB512MiB", "1GiB5MB", "1.5KiB", ".5MB", "-1MB", "+1MB", "1M", "1kB", "16EB", "10 MB", "00", "TLS13"],
];

interface Place {
  readonly file: (key: string) => string;
  readonly keys: string;
}

const limits =
  "body_size_limit sample_limit target_limit label_limit label_name_length_limit label_value_length_limit " +
  "keep_dropped_targets scrape_protocols metric_name_validation_scheme metric_name_escaping_scheme " +
  "always_scrape_classic_histograms convert_classic_histograms_to_nhcb scrape_interval scrape_timeout " +
  "scrape_failure_log_file";
const http =
  "basic_auth authorization bearer_token bearer_token_file oauth2 tls_config proxy_url no_proxy " +
  "proxy_from_environment proxy_connect_header http_headers follow_redirects enable_http2";

const places: Readonly<Record<string, Place>> = {
  root: {
    file: (key) => key,
    keys: "global scrape_configs scrape_config_files rule_files runtime storage x",
  },
  global: {
    file: (key) => `global: { ${key} }`,
    keys: `evaluation_interval rule_query_offset query_log_file external_labels job_name ${limits}`,
  },
  job: {
    file: (key) => ofJob(key.startsWith("job_name") ? key : `job_name: a, ${key}`),
    keys:
      `job_name fallback_scrape_protocol native_histogram_bucket_limit native_histogram_min_bucket_factor ` +
      `honor_labels honor_timestamps track_timestamps_staleness params metrics_path scheme enable_compression ` +
      `static_configs relabel_configs metric_relabel_configs file_sd_configs http_sd_configs dns_sd_configs ` +
      `kubernetes_sd_configs ec2_sd_configs ` +
      `${limits} ${http}`,
  },
  basic: {
    file: (key) => ofJob(`job_name: a, basic_auth: { ${key} }`),
    keys: "username username_file password password_file",
  },
  token: {
    file: (key) => ofJob(`job_name: a, authorization: { ${key} }`),
    keys: "type credentials credentials_file",
  },
  oauth2: {
    file: (key) => ofJob(`job_name: a, oauth2: { ${without("client_id: a, token_url: 'http://t'", key)} }`),
    keys:
      "client_id client_secret client_secret_file scopes token_url endpoint_params tls_config proxy_url no_proxy " +
      "proxy_from_environment proxy_connect_header",
  },
  tls: {
    file: (key) => ofJob(`job_name: a, tls_config: { ${key} }`),
    keys: "ca ca_file cert cert_file key key_file server_name insecure_skip_verify min_version max_version",
  },
  header: {
    file: (key) => ofJob(`job_name: a, http_headers: { X: { ${key} } }`),
    keys: "values secrets files",
  },
  static: { file: (key) => ofJob(`job_name: a, static_configs: [{ ${key} }]`), keys: "targets labels" },
  relabel: {
    file: (key) => ofJob(`job_name: a, relabel_configs: [{ ${without("target_label: t", key)} }]`),
    keys: "source_labels separator regex modulus target_label replacement action",
  },
  metric: {
    file: (key) => ofJob(`job_name: a, metric_relabel_configs: [{ ${without("action: drop", key)} }]`),
    keys: "source_labels separator regex modulus target_label replacement action",
  },
  file: {
    file: (key) => ofJob(`job_name: a, file_sd_configs: [{ ${without("files: [a.yml]", key)} }]`),
    keys: "files refresh_interval",
  },
  http: {
    file: (key) => ofJob(`job_name: a, http_sd_configs: [{ ${without("url: 'http://h'", key)} }]`),
    keys: "url refresh_interval authorization follow_redirects",
  },
  dns: {
    file: (key) => ofJob(`job_name: a, dns_sd_configs: [{ ${without("names: [a], port: 1", key)} }]`),
    keys: "names refresh_interval type port",
  },
  tsdb: { file: (key) => `storage: { tsdb: { ${key} } }`, keys: "out_of_order_time_window x" },
  exemplars: { file: (key) => `storage: { exemplars: { ${key} } }`, keys: "max_exemplars" },
  runtime: { file: (key) => `runtime: { ${key} }`, keys: "gogc" },
};

/** What promtool takes and we refuse, by place, key and value. */
const exceptions: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/\.\w*(?:limit|targets|modulus|port|gogc|exemplars): 1\.5$/, "half a thing is cut to a whole one there"],
  [/\.scheme: /, "is neither http nor https: every scrape would fail"],
  [/\.proxy_url: (?!http|socks)/, "is no URL that a proxy could have: every scrape would fail"],
  [/^global\.metric_name_\w+: /, "is not looked at as long as there is no job"],
  [/\.refresh_interval: 0$/, "Prometheus then stops with a panic"],
  [/^(?:relabel|metric)\.source_labels: \['?(?:null)?'?\]$/, "no label has an empty name"],
  [/^dns\.port: -1$/, "is no port"],
];

function ofJob(keys: string): string {
  return `scrape_configs: [{ ${keys} }]`;
}

/** What must be there besides `key`, unless `key` is that. */
function without(others: string, key: string): string {
  const name = key.slice(0, key.indexOf(":"));
  return [...others.split(", ").filter((other) => !other.startsWith(`${name}:`)), key].join(", ");
}

const cases = Object.entries(places).flatMap(([place, { file, keys }]) =>
  keys
    .split(" ")
    .flatMap((key) =>
      values.map((value) => ({ name: `${place}.${key}: ${value}`, text: file(`${key}: ${value}`) })),
    ),
);

describe.skipIf(isPeerMissing("promtool"))("promtool check config", () => {
  let directory: string;
  const paths: string[] = [];
  let taken: ReadonlySet<string>;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "narthex-config-"));
    for (const [i, { text }] of cases.entries()) {
      paths.push(join(directory, `${i}.yml`));
      writeFileSync(paths[i]!, text);
    }
    const args = ["check", "config", "--syntax-only", ...paths];
    const output = spawnSync(findPeer("promtool")!, args, { encoding: "utf8", maxBuffer: 1 << 28 });
    taken = new Set([...output.stdout.matchAll(/SUCCESS: (\S+) is valid/g)].map(([, path]) => path!));
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  it("has judged thousands, a good part of them good", () => {
    expect(cases.length).toBeGreaterThan(5000);
    expect(taken.size).toBeGreaterThan(1000);
  });

  it("takes and refuses what we do", async () => {
    const disagreements: string[] = [];
    const unused = new Set(exceptions);
    for (const [i, { name }] of cases.entries()) {
      const problem = await problemOf(paths[i]!);
      const isTaken = taken.has(paths[i]!);
      if ((problem === undefined) === isTaken) continue;
      const exception = isTaken ? exceptions.find(([pattern]) => pattern.test(name)) : undefined;
      if (exception !== undefined) unused.delete(exception);
      if (exception !== undefined) continue;
      disagreements.push(isTaken ? `${name} is fine, but we say: ${problem}` : `${name} is wrong`);
    }
    expect(disagreements).toEqual([]);
    expect([...unused]).toEqual([]);
  });
});

/** Undefined when the file is good; errors have the line and the column. */
async function problemOf(path: string): Promise<string | undefined> {
  try {
    await loadConfig(path, {});
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    expect(code).toBe("config");
    expect(message).toMatch(/^\S+\.yml:\d+:\d+: /);
    return message;
  }
}

const whole = `
global:
  scrape_interval: 1d12h
  scrape_timeout: 20s
  body_size_limit: 1.5GiB
  sample_limit: 1_000
  label_limit: 017
  target_limit: 0x1F
  keep_dropped_targets:
  metric_name_validation_scheme:
  external_labels: { site: "\${HOME}", price: $$5, empty: , "a b": a }
scrape_configs:
  - job_name: bare
  - job_name: nothing
    honor_timestamps:
    follow_redirects: ~
    enable_compression:
    scrape_interval:
    scrape_timeout:
    scrape_protocols:
    body_size_limit:
    params: { a: , b: [~, c] }
    static_configs: [{ targets: [h], labels: { x: , y: 010, "z.z": 1_0 } }]
    relabel_configs: [{ regex: , target_label: x }]
  - job_name: 007
    honor_labels: yes
    track_timestamps_staleness: on
    scrape_interval: 90s
    scrape_timeout: 1m
    scrape_protocols: [PrometheusProto, PrometheusText0.0.4]
    fallback_scrape_protocol: PrometheusText1.0.0
    metric_name_validation_scheme: legacy
    metric_name_escaping_scheme: dots
    scheme: https
    params: { module: [http_2xx, "true"] }
    sample_limit: 1e3
    body_size_limit: 10MB
    basic_auth: { username: me, password_file: password.txt }
    tls_config: { ca_file: ca.pem, cert_file: a.pem, key_file: a.key, server_name: n, min_version: TLS13 }
    proxy_url: http://proxy:3128/
    no_proxy: a, b
    file_sd_configs: [{ files: [targets/*.json, "b.yml"], refresh_interval: 10m }]
    http_sd_configs: [{ url: "http://h/x?y=z", authorization: { credentials_file: t } }]
    dns_sd_configs: [{ names: [a, b], type: a, port: 9100 }, { names: [_x._tcp.y] }]
    metric_relabel_configs:
      - { source_labels: [__name__], regex: "go_(.+)", action: Drop }
      - { action: hashmod, modulus: 0x8, target_label: shard, source_labels: [a, b], separator: "|" }
`;

describe.skipIf(isPeerMissing("prometheus"))("what Prometheus makes of a configuration", () => {
  it("is the same configuration to us", async () => {
    const directory = mkdtempSync(join(tmpdir(), "narthex-config-"));
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, whole);
    const prometheus = await startPrometheus(findPeer("prometheus")!, { directory, configFile });
    try {
      const { yaml } = await api<{ yaml: string }>(prometheus, "status/config", {});
      const ours = parseConfig(whole, configFile, process.env);
      // Theirs is expanded already.
      const theirs = parseConfig(yaml, configFile, { 5: "$5" });
      expect(ours.scrapeConfigs).toHaveLength(3);
      expect(ours.scrapeConfigs).toEqual(theirs.scrapeConfigs);
      expect(String(ours.globals.externalLabels)).toBe(String(theirs.globals.externalLabels));
      expect(ours.globals.externalLabels.get("site")).toBe(process.env.HOME ?? "");
    } finally {
      await prometheus.stop();
      rmSync(directory, { recursive: true });
    }
  });
});
