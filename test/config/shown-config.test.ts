import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { emptyConfig, parseConfig } from "../../src/config.js";

function shown(text: string) {
  return parseConfig(text, "prometheus.yml", { SITE: "berlin" }).shown;
}

/** Every place where Prometheus 3.5 has a secret, and ours; `hunter` is in each. */
const secretive = `
global: { external_labels: { site: "\${SITE}" } }
scrape_configs:
  - job_name: basic
    basic_auth: { username: u, password: hunter1 }
    proxy_url: http://u:hunter2@proxy:3128
    proxy_connect_header: { X-Proxy: [hunter3] }
    tls_config: { cert_file: c, key: "-----BEGIN hunter4"  }
    http_headers: { X-Key: { values: [public], secrets: [hunter5, hunter6], files: [f] } }
    params: { api_key: [hunter7], module: [public] }
  - job_name: token
    authorization: { type: Bearer, credentials: hunter8 }
    http_sd_configs:
      - url: "http://u:hunter9@sd/targets?zone=public&token=hunter10"
        basic_auth: { username: &anchor hunter-is-no-secret-here, password: *anchor }
  - job_name: bearer
    bearer_token: hunter11
  - job_name: oauth
    oauth2: { client_id: public, client_secret: hunter12, token_url: "https://u:hunter13@idp/token", endpoint_params: { client_secret: hunter14, audience: public } }
    consul_sd_configs: [{ server: c, token: hunter15, password: hunter16 }]
    ec2_sd_configs: [{ access_key: a, secret_key: hunter17 }]
    openstack_sd_configs: [{ password: hunter18, application_credential_secret: hunter19, region: public }]
    ovhcloud_sd_configs: [{ application_secret: hunter20, consumer_key: hunter21 }]
    marathon_sd_configs: [{ auth_token: hunter22 }]
remote_write:
  - url: "http://u:hun/ter23@host/write"
    sigv4: { access_key: a, secret_key: hunter24 }
    headers: { X-Api-Key: hunter28, Authorization: Bearer hunter29, X-Scope-OrgID: public }
    azuread: { oauth: { client_secret: hunter25 } }
push_configs:
  - job_name: push
    tokens: [{ token: hunter26, labels: { site: public } }]
agent_configs:
  - { name: cellar, jobs: [basic], token: hunter27 }
`;

describe("the configuration as it is shown", () => {
  it("has no secret of any section, acted on or not", () => {
    const text = shown(secretive);
    expect(text.match(/hun\S*\d+/g)).toBeNull();
    const { scrape_configs: jobs, ...others } = parse(text);
    expect(jobs[0]).toMatchObject({
      basic_auth: { username: "u", password: "<secret>" },
      proxy_url: "http://u:xxxxx@proxy:3128",
      proxy_connect_header: { "X-Proxy": ["<secret>"] },
      tls_config: { cert_file: "c", key: "<secret>" },
      http_headers: { "X-Key": { values: ["public"], secrets: ["<secret>", "<secret>"], files: ["f"] } },
      params: { api_key: ["<secret>"], module: ["public"] },
    });
    expect(jobs[1].http_sd_configs[0]).toEqual({
      url: "http://u:xxxxx@sd/targets?zone=public&token=xxxxx",
      basic_auth: { username: "hunter-is-no-secret-here", password: "<secret>" },
    });
    expect(jobs[3].oauth2).toMatchObject({
      client_id: "public",
      token_url: "https://u:xxxxx@idp/token",
      endpoint_params: { client_secret: "<secret>", audience: "public" },
    });
    expect(others.remote_write[0].url).toBe("http://u:xxxxx@host/write");
    expect(others.push_configs[0].tokens[0]).toEqual({ token: "<secret>", labels: { site: "public" } });
  });

  it("says what holds where the file says nothing, and expands what it says", () => {
    const { global, scrape_configs: jobs } = parse(shown(secretive));
    expect(global).toMatchObject({
      scrape_interval: "1m",
      scrape_timeout: "10s",
      external_labels: { site: "berlin" },
    });
    expect(jobs[0]).toMatchObject({ metrics_path: "/metrics", scheme: "http", honor_labels: false });
    expect(parse(emptyConfig.shown)).toEqual({
      global: expect.objectContaining({ scrape_interval: "1m" }),
      scrape_configs: [],
    });
  });

  it("is a configuration that says the same", () => {
    const text = `
scrape_configs:
  - &first { job_name: 1.10, honor_labels: yes, sample_limit: 017, body_size_limit: 10KB, scrape_interval: 90s }
  - { <<: *first, job_name: "no", params: { on: ["1e3", "0x10", off] }, fallback_scrape_protocol: PrometheusText0.0.4 }
  - job_name: c
    relabel_configs: [{ regex: "a: #b", action: drop, source_labels: [x] }]
    static_configs: [{ targets: ["h:1"], labels: { v: 1.10, w: "yes" } }]
`;
    const { scrapeConfigs } = parseConfig(text, "f");
    expect(parseConfig(shown(text), "f").scrapeConfigs).toEqual(scrapeConfigs);
    expect(shown(shown(text))).toBe(shown(text));
  });

  it("stays small when aliases stand for ever more", () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `  l${i}: &l${i} { a: *l${i - 1}, b: *l${i - 1} }`,
    ).slice(1);
    const text = `alerting:\n  l0: &l0 { a: 1 }\n${levels.join("\n")}\n`;
    expect(shown(text).length).toBeLessThan(50_000_000);
  });
});
