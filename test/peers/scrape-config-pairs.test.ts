/**
 * Jobs of several keys with several values each, good and bad, a thousand times: what `promtool check config` takes we
 * take, what it refuses we refuse, except where `explained` says why. `scrape-config.test.ts` has each key by itself;
 * here they meet. SEED=n tries others.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { seededRandom } from "../support/seeded-random.js";

const configs = 1000;
const random = seededRandom(Number(process.env.SEED ?? 7));

type Values = () => string;
type Keys = Readonly<Record<string, Values>>;

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}

/** One of them, as the value of a key. */
const oneOf =
  (...values: readonly string[]): Values =>
  () =>
    pick(values);

/** At most so many of the keys, each with a value. */
function some(keys: Keys, max: number): readonly string[] {
  const names = Array.from({ length: Math.floor(random() * (max + 1)) }, () => pick(Object.keys(keys)));
  return [...new Set(names)].map((name) => `${name}: ${keys[name]!()}`);
}

/** A list with one section, which has `key` and maybe others. */
const listOf =
  (key: string, values: Values, others: Keys): Values =>
  () =>
    `[{ ${[`${key}: ${values()}`, ...some(others, 2)].join(", ")} }]`;

const duration = oneOf("5s", "1m", "0s", "1h30m", "15s", "2m", "500ms", "1y", "'10s'", "10", "5m1s");
const number = oneOf("0", "1", "10", "-1", "'3'", "null", "1e3", "0x10", "9007199254740993");
const flag = oneOf("true", "false", "null", "yes", "'true'", "1");
const text = oneOf("a", "''", "null", "1", "'x y'", "[a]", "/metrics", "é");
const path = oneOf("f", "''", "null", "[a]");
const url = oneOf(
  ...[
    "'http://h:80/x'",
    "'https://u:p@h'",
    "'h:80'",
    "''",
    "null",
    "'ftp://h'",
    "'http://'",
    "'http://h h/'",
  ],
  ...[
    "'socks5://h:1'",
    "'http://h/%zz'",
    "'http://[::1]:9/'",
    "'http://h:99999/'",
    "'//h/x'",
    "'http://a_b/'",
  ],
);

const http: Keys = {
  basic_auth: oneOf(
    ...["{ username: u }", "{ username: u, password: p }", "{ username: u, username_file: f }", "{}", "null"],
    ...["{ password: p, password_file: f }", "{ username_file: f, password_file: g }"],
  ),
  authorization: oneOf(
    ...[
      "{ credentials: a }",
      "{ credentials_file: f }",
      "{ credentials: a, credentials_file: f }",
      "{}",
      "null",
    ],
    ...[
      "{ type: Basic, credentials: a }",
      "{ type: basic }",
      "{ type: '' }",
      "{ type: Foo, credentials: x }",
    ],
  ),
  bearer_token: text,
  bearer_token_file: path,
  oauth2: oneOf(
    ...[
      "{ client_id: a, client_secret: b, token_url: 'http://h/t' }",
      "{ client_id: a, token_url: 'http://h/t' }",
    ],
    ...["{ client_secret: b, token_url: 'http://h/t' }", "{ client_id: a, client_secret: b }", "{}", "null"],
    "{ client_id: a, client_secret: b, client_secret_file: f, token_url: 'http://h/t' }",
    "{ client_id: a, client_secret: b, token_url: 'http://h/t', scopes: [a], tls_config: { ca_file: f } }",
    "{ client_id: a, client_secret: b, token_url: t, proxy_url: 'http://p', proxy_from_environment: true }",
  ),
  tls_config: oneOf(
    ...[
      "{ ca_file: f }",
      "{ ca: f, ca_file: g }",
      "{ cert_file: f }",
      "{ cert_file: f, key_file: g }",
      "null",
    ],
    ...["{ cert: a, cert_file: f, key: g }", "{ min_version: TLS12 }", "{ min_version: tls12 }", "{}"],
    ...["{ min_version: TLS13, max_version: TLS12 }", "{ insecure_skip_verify: yes, server_name: x }"],
  ),
  proxy_url: url,
  no_proxy: oneOf("a", "''", "null", "10.0.0.0/8"),
  proxy_from_environment: flag,
  proxy_connect_header: oneOf("{ A: [b] }", "{}", "null", "{ A: b }", "{ '': [b] }"),
  follow_redirects: flag,
  enable_http2: flag,
  http_headers: oneOf(
    ...["{ X-A: { values: [a] } }", "{ X-A: { secrets: [a], files: [b] } }", "{ Host: { values: [x] } }"],
    ...[
      "{ X-A: {} }",
      "{ 'a b': { values: [x] } }",
      "{}",
      "{ x-a: null }",
      "{ Authorization: { values: [a] } }",
    ],
  ),
};

const shared: Keys = {
  body_size_limit: oneOf("10MB", "0", "1KiB", "-1B", "x", "null", "''", "1GiB512MiB"),
  ...Object.fromEntries(
    ["sample", "target", "label", "label_name_length", "label_value_length"].map((of) => [
      `${of}_limit`,
      number,
    ]),
  ),
  keep_dropped_targets: number,
  scrape_protocols: oneOf(
    "[PrometheusText0.0.4]",
    "[PrometheusProto]",
    "[x]",
    "[]",
    "null",
    "PrometheusProto",
  ),
  metric_name_validation_scheme: oneOf("utf8", "legacy", "''", "x", "null"),
  metric_name_escaping_scheme: oneOf("allow-utf-8", "underscores", "dots", "values", "''", "x", "null"),
  always_scrape_classic_histograms: flag,
  scrape_interval: duration,
  scrape_timeout: duration,
  scrape_failure_log_file: path,
};

const relabel = oneOf(
  ...["[{ action: replace }]", "[{ action: keep, source_labels: [a], regex: 'b(' }]", "[]", "null", "[{}]"],
  ...[
    "[{ action: hashmod, source_labels: [a], target_label: b, modulus: 5 }]",
    "[{ action: labelmap, regex: a }]",
  ],
  ...[
    "[{ action: hashmod, source_labels: [a], target_label: b }]",
    "[{ source_labels: [a], target_label: 'b c' }]",
  ],
  ...["[{ action: labeldrop, regex: a, target_label: b }]", "[{ action: dropequal, source_labels: [a] }]"],
  ...[
    "[{ action: keepequal, source_labels: [a], target_label: b, regex: x }]",
    "[{ target_label: b, regex: null }]",
  ],
  ...[
    "[{ action: UPPERCASE, source_labels: [a], target_label: b }]",
    "[{ source_labels: [a], target_label: '$1_x' }]",
  ],
);

const refresh: Keys = { refresh_interval: duration };

const job: Keys = {
  ...http,
  ...shared,
  honor_labels: flag,
  params: oneOf("{ a: [b] }", "{ a: b }", "{}", "null", "{ a: [] }", "{ a: null }", "{ '': [b] }"),
  metrics_path: text,
  scheme: oneOf("http", "https", "null"),
  fallback_scrape_protocol: oneOf("PrometheusText0.0.4", "x", "''", "null", "PrometheusProto"),
  relabel_configs: relabel,
  metric_relabel_configs: relabel,
  static_configs: oneOf(
    ...["[{ targets: [a] }]", "[{ targets: ['a:1', b], labels: { x: y } }]", "[{}]", "[]", "null", "[null]"],
    ...["[{ targets: ['http://a'] }]", "[{ targets: [''] }]", "[{ labels: { '': b } }]", "[{ x: y }]"],
  ),
  file_sd_configs: listOf(
    "files",
    oneOf("[a.json]", "[a]", "['*.yml']", "[]", "null", "['a/*/b.json']"),
    refresh,
  ),
  http_sd_configs: listOf("url", url, { ...http, ...refresh }),
  dns_sd_configs: listOf("names", oneOf("[a]", "[]", "null", "a", "['']", "[1]"), {
    ...refresh,
    type: oneOf("A", "AAAA", "SRV", "MX", "NS", "a", "TXT", "''", "null"),
    port: oneOf("80", "0", "99999", "null"),
  }),
  kubernetes_sd_configs: listOf(
    "role",
    oneOf("pod", "node", "ingress", "endpointslice", "Pod", "''", "null"),
    {
      ...http,
      api_server: url,
      kubeconfig_file: path,
      namespaces: oneOf("{ names: [a] }", "{ own_namespace: true }", "{}", "null", "{ names: [''] }"),
      selectors: oneOf("[{ role: pod, label: 'a=b' }]", "[{ role: pod, label: 'a in (b' }]", "[]", "null"),
      attach_metadata: oneOf("{ node: true }", "{}", "null"),
    },
  ),
};

const globals: Keys = {
  ...shared,
  evaluation_interval: duration,
  external_labels: oneOf("{ a: b }", "{ '': b }", "null", "{ 'a b': c }", "{ a: null }"),
};

/** By what they say (empty when they take it), and what we say. */
const explained: readonly (readonly [theirs: RegExp, ours: RegExp, reason: string])[] = [
  [/^$/, /refresh_interval must be more than zero/, "it ends a Prometheus"],
  [/^$/, /must be a URL of http/, "nobody could be asked"],
  [/validation scheme is not set to UTF8/, /^$/, "legacy names need no escaping scheme beside them here"],
];

function config(): string {
  const jobs = [0, 1].map((i) => `  - { ${[`job_name: j${i}`, ...some(job, 4)].join(", ")} }`);
  return `global: { ${some(globals, 2).join(", ")} }\nscrape_configs:\n${jobs.join("\n")}\n`;
}

describe.skipIf(isPeerMissing("promtool"))("keys of jobs together", () => {
  it("are judged as promtool judges them", async () => {
    const directory = mkdtempSync(join(tmpdir(), "narthex-pairs-"));
    const paths = Array.from({ length: configs }, (_, i) => join(directory, `${i}.yml`));
    const texts = paths.map(config);
    for (const [i, file] of paths.entries()) writeFileSync(file, texts[i]!);
    const args = ["check", "config", "--syntax-only", ...paths];
    const { stdout } = spawnSync(findPeer("promtool")!, args, { encoding: "utf8", maxBuffer: 1 << 26 });
    const taken = new Set([...stdout.matchAll(/SUCCESS: (\S+) is valid/g)].map(([, file]) => file));
    const disagreements: string[] = [];
    for (const [i, file] of paths.entries()) {
      const ours = await loadConfig(file, {}).then(() => "", messageOf);
      if (taken.has(file) === (ours === "")) continue;
      const theirs = taken.has(file) ? "" : refusalOf(file);
      if (!explained.some(([a, b]) => a.test(theirs) && b.test(ours)))
        disagreements.push(`they: ${theirs}\nwe: ${ours}\n${texts[i]}`);
    }
    rmSync(directory, { recursive: true });
    expect(disagreements).toEqual([]);
    expect(taken.size).toBeGreaterThan(configs / 10);
    expect(taken.size).toBeLessThan(configs / 2);
  });
});

function messageOf(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  expect(code).toBe("config");
  return message;
}

/** What promtool says of one file alone. */
function refusalOf(file: string): string {
  const args = ["check", "config", "--syntax-only", file];
  const { stdout, stderr } = spawnSync(findPeer("promtool")!, args, { encoding: "utf8" });
  return stdout + stderr;
}
