import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";
import { defaultHttpClientConfig } from "../../src/http-client/http-client-config.js";

function job(keys: string) {
  return parseConfig(`scrape_configs: [{ job_name: a, ${keys} }]`, "/etc/prometheus.yml").scrapeConfigs[0]!;
}

function problem(keys: string): string {
  try {
    job(keys);
  } catch (error) {
    return (error as Error).message.replace(/^\S+ (?:scrape_configs\[0\]\.)?/, "");
  }
  return "none";
}

describe("discoveries of a job", () => {
  it("are read with their defaults, paths relative to the file", () => {
    const { discoveries } = job(`
      file_sd_configs: [{ files: [targets/*.json, /srv/more.yml] }],
      http_sd_configs: [{ url: "http://h/t" }],
      dns_sd_configs: [{ names: [_a._tcp.b] }, { names: [b, c], type: aaaa, port: 9100, refresh_interval: 1m }]`);
    expect(discoveries).toEqual([
      { kind: "file", files: ["/etc/targets/*.json", "/srv/more.yml"], refreshIntervalMs: 300_000 },
      { kind: "http", url: "http://h/t", refreshIntervalMs: 60_000, client: defaultHttpClientConfig },
      { kind: "dns", names: ["_a._tcp.b"], type: "SRV", port: 0, refreshIntervalMs: 30_000 },
      { kind: "dns", names: ["b", "c"], type: "AAAA", port: 9100, refreshIntervalMs: 60_000 },
    ]);
  });

  it("have HTTP clients as jobs do", () => {
    const keys =
      "http_sd_configs: [{ url: 'https://h/t', authorization: { credentials_file: t }, follow_redirects: false }]";
    expect(job(keys).discoveries).toMatchObject([
      {
        client: { authorization: { kind: "token", credentials: { file: "/etc/t" } }, followRedirects: false },
      },
    ]);
  });

  it.each([
    ["file_sd_configs: [{}]", "files must name at least one file"],
    ["file_sd_configs: [{ files: [] }]", "files must name at least one file"],
    ["file_sd_configs: [{ files: [a.txt] }]", "must be paths that end with .json"],
    ["file_sd_configs: [{ files: ['*/a.json'] }]", "must be paths that end with .json"],
    [
      "file_sd_configs: [{ files: [a.json], refresh_interval: 0s }]",
      "refresh_interval must be more than zero",
    ],
    ["file_sd_configs: [{ file: [a.json] }]", "must name at least one file"],
    ["file_sd_configs: [{ files: [a.json], refresh: 1s }]", 'unknown key "refresh"'],
    ["http_sd_configs: [{}]", "url must be given"],
    ["http_sd_configs: [{ url: 'ftp://h/' }]", "url must be a URL of http or https"],
    ["http_sd_configs: [{ url: 'http:///t' }]", "url must be a URL of http or https"],
    ["http_sd_configs: [{ url: 'http://u:secret@' }]", "url must be a URL of http or https with a host"],
    ["http_sd_configs: [{ url: 'http://h', basic_auth: {}, oauth2: {} }]", "must not both be given"],
    ["dns_sd_configs: [{}]", "names must have at least one name"],
    ["dns_sd_configs: [{ names: [a], type: TXT }]", 'type must be one of SRV, A, AAAA, MX, NS, not "TXT"'],
    ["dns_sd_configs: [{ names: [a], type: A }]", "port must be given for all types but SRV"],
  ])("are refused when wrong: %s", (keys, reason) => {
    expect(problem(keys)).toContain(reason);
    expect(problem(keys)).not.toContain("secret");
  });

  it("of other kinds are named as not acted on", () => {
    const { warnings } = parseConfig("scrape_configs:\n- job_name: a\n  ec2_sd_configs: [{}]\n", "f.yml");
    expect(warnings).toEqual([
      "f.yml:3: scrape_configs[0].ec2_sd_configs is not acted on yet: its targets are not scraped; a program that knows them can serve them for http_sd_configs",
    ]);
  });
});
