import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";

function parse(text: string, environment: Record<string, string> = {}) {
  return parseConfig(text, "/etc/prometheus.yml", environment);
}

function job(keys: string, environment: Record<string, string> = {}) {
  return parse(`scrape_configs: [{ job_name: a, ${keys} }]`, environment).scrapeConfigs[0]!;
}

function problem(keys: string): string {
  try {
    job(keys);
  } catch (error) {
    return (error as Error).message.replace(/^\S+ (?:scrape_configs\[0\]\.)?/, "");
  }
  return "none";
}

describe("http keys of a job", () => {
  it("are read, with paths relative to the file", () => {
    const { http } = job(`
      authorization: { type: Token, credentials_file: secrets/token },
      tls_config: { ca_file: /ca.pem, cert: CERT, key_file: key.pem, server_name: n, min_version: TLS13 },
      proxy_url: "http://p:3128", no_proxy: "a,b", proxy_connect_header: { x: [1, 2] },
      http_headers: { y: { values: [v], secrets: [s], files: [f] } }, follow_redirects: false, enable_http2: false`);
    expect(http).toEqual({
      authorization: { kind: "token", type: "Token", credentials: { file: "/etc/secrets/token" } },
      tls: {
        ca: { file: "/ca.pem" },
        cert: { text: "CERT" },
        key: { file: "/etc/key.pem" },
        serverName: "n",
        insecureSkipVerify: false,
        minVersion: "TLSv1.3",
        maxVersion: undefined,
      },
      proxy: {
        http: "http://p:3128",
        https: "http://p:3128",
        noProxy: "a,b",
        connectHeaders: { x: [{ text: "1" }, { text: "2" }] },
      },
      headers: { y: [{ text: "v" }, { text: "s" }, { file: "/etc/f" }] },
      followRedirects: false,
    });
    expect(job("bearer_token_file: t").http.authorization).toEqual({
      kind: "token",
      type: "Bearer",
      credentials: { file: "/etc/t" },
    });
  });

  it("take proxies from the environment, as Go does", () => {
    const environment = { HTTP_PROXY: "", http_proxy: "one:1", HTTPS_PROXY: "http://two", no_proxy: "c" };
    expect(job("proxy_from_environment: true", environment).http.proxy).toEqual({
      http: "http://one:1",
      https: "http://two",
      noProxy: "c",
      connectHeaders: {},
    });
  });

  it("read the client credentials flow", () => {
    const { authorization } = job(
      "oauth2: { client_id: i, client_secret_file: s, token_url: 'http://t', scopes: [a], tls_config: { insecure_skip_verify: true } }",
    ).http;
    expect(authorization).toMatchObject({
      kind: "oauth2",
      clientId: "i",
      clientSecret: { file: "/etc/s" },
      scopes: ["a"],
      client: { tls: { insecureSkipVerify: true }, followRedirects: true },
    });
  });

  it.each([
    ["basic_auth: {}, oauth2: {}", "oauth2 and basic_auth must not both be given"],
    [
      "basic_auth: { password: s3cr3t, password_file: f }",
      "basic_auth.password and password_file must not both be given",
    ],
    ["authorization: { type: basic }", 'authorization.type must not be "basic": use basic_auth'],
    ["tls_config: { cert: c }", "tls_config.cert needs key or key_file"],
    [
      "tls_config: { min_version: TLS9 }",
      'tls_config.min_version must be one of TLS10, TLS11, TLS12, TLS13, not "TLS9"',
    ],
    ["no_proxy: a", "no_proxy needs proxy_url"],
    [
      "proxy_url: 'socks4://u:s3cr3t@h'",
      "proxy_url must be a URL of http, https or socks5 such as http://proxy:3128",
    ],
    ["http_headers: { HOST: { values: [a] } }", "http_headers.HOST is a header that is set otherwise"],
    ["oauth2: { token_url: t }", "oauth2.client_id must be given"],
    ["scrape_protocols: []", "scrape_protocols must not be empty"],
    ["body_size_limit: 10", "body_size_limit must be a size with its unit, such as 10MB"],
    ["tls_confg: {}", 'unknown key "tls_confg" in scrape_configs[0]; did you mean "tls_config"?'],
  ])("are refused: %s", (keys, message) => {
    const said = problem(keys);
    expect(said).toBe(message);
    expect(said).not.toContain("s3cr3t");
  });
});

describe("values", () => {
  const limit = (text: string) =>
    parse(`scrape_configs: [{ job_name: a, sample_limit: ${text} }]`).scrapeConfigs[0]!.samplesMax;
  const size = (text: string) =>
    parse(`scrape_configs: [{ job_name: a, body_size_limit: ${text} }]`).scrapeConfigs[0]!.bodySizeMaxBytes;

  it("of numbers are those of YAML 1.1", () => {
    expect(["1_000", "0x1F", "017", "0b11", "1e3"].map(limit)).toEqual([1000, 31, 15, 3, 1000]);
    expect(() => limit("1.5")).toThrow("must be a whole number, zero or more");
    expect(() => limit("'1_000'")).toThrow("must be a number");
  });

  it("of sizes are added up", () => {
    expect(["1KiB512B", "1.5KB", ".5MB", "-1B"].map(size)).toEqual([1536, 1536, 524288, -1]);
    for (const wrong of ["1KiB5KB", "1K", "16EB", "5"])
      expect(() => size(wrong)).toThrow("must be a size with its unit, such as 10MB");
  });

  it("of flags that are left empty say no", () => {
    const [job] = parse(
      "scrape_configs: [{ job_name: a, honor_timestamps: , follow_redirects: ~ }]",
    ).scrapeConfigs;
    expect(job).toMatchObject({
      honorTimestamps: false,
      enableCompression: true,
      http: { followRedirects: false },
    });
  });
});

describe("global", () => {
  it("holds for jobs that do not say otherwise", () => {
    const [a, b] = parse(`
global:
  { label_limit: 3, target_limit: 4, sample_limit: 5, extra_scrape_metrics: yes, metric_name_validation_scheme: legacy }
scrape_configs:
  - job_name: a
  - { job_name: b, label_limit: 9, sample_limit: 0, metric_name_validation_scheme: utf8, extra_scrape_metrics: off }
`).scrapeConfigs;
    expect(a).toMatchObject({ labelsMax: 3, targetsMax: 4, samplesMax: 5, extraScrapeMetrics: true });
    expect(a).toMatchObject({ nameValidation: "legacy", nameEscaping: "underscores" });
    expect(b).toMatchObject({ labelsMax: 9, targetsMax: 4, samplesMax: 5, extraScrapeMetrics: false });
  });

  it("takes a credential without a value for none, as Prometheus does", () => {
    const basic = { kind: "basic", username: { text: "u" }, password: { text: "" } };
    for (const empty of [
      "bearer_token: ''",
      "bearer_token_file: null",
      "authorization: null",
      "oauth2: null",
    ])
      expect([empty, job(`${empty}, basic_auth: { username: u }`).http.authorization]).toEqual([
        empty,
        basic,
      ]);
    expect(() => job("bearer_token: a, basic_auth: { username: u }")).toThrow(
      "bearer_token and basic_auth must not both be given",
    );
    expect(() => job("proxy_url: http://h/%zz")).toThrow("proxy_url must be a URL of http, https or socks5");
  });

  it("has labels with variables of the environment", () => {
    const variables = [`\${X}`, "$X", "$$X", `\${NONE}|`, "$- $. ${"].join("/");
    const text = `global: { external_labels: { a: '${variables}', b: 5 } }`;
    const { globals, warnings } = parse(text, { X: "x" });
    expect(globals.externalLabels.toObject()).toEqual({ a: "x/x/$X/|/ $. ", b: "5" });
    expect(warnings).toEqual([
      "/etc/prometheus.yml:1: global.external_labels has the variable NONE, which is not set",
      "/etc/prometheus.yml:1: global.external_labels has the variable -, which is not set",
    ]);
  });

  it("warns by name of what is known and not acted on, and judges its value", () => {
    const text = "global:\n  evaluation_interval: 1m\n  always_scrape_classic_histograms: false\n";
    expect(parse(text).warnings).toEqual([
      "/etc/prometheus.yml:2: global.evaluation_interval is not acted on yet",
      "/etc/prometheus.yml:3: global.always_scrape_classic_histograms is not acted on yet",
    ]);
    expect(() => parse("global: { evaluation_interval: 1 }")).toThrow(
      '/etc/prometheus.yml:1:32: global.evaluation_interval must be a duration such as 15s or 1m30s, not "1"',
    );
  });
});
