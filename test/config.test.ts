import { describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.js";
import { Labels } from "../src/model/labels.js";

function problem(text: string): string {
  try {
    parseConfig(text, "narthex.yml");
  } catch (error) {
    return (error as Error).message;
  }
  return "none";
}

describe("the configuration file", () => {
  it("fills in Prometheus' defaults, the global ones first", () => {
    const text = `
global: { scrape_interval: 5s }
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["localhost:9100", "[::1]:9100"]
        labels: { zone: a }
  - job_name: slow
    scrape_interval: 1m30s
    scrape_timeout: 20s
    metrics_path: /probe
    scheme: https
    params: { module: [http, tcp] }
    honor_labels: true
    body_size_limit: 10MB
    basic_auth: { username: u, password: p }
`;
    const [node, slow] = parseConfig(text, "f").scrapeConfigs;
    expect(node).toMatchObject({
      jobName: "node",
      intervalMs: 5000,
      timeoutMs: 5000,
      metricsPath: "/metrics",
      scheme: "http",
      honorLabels: false,
      honorTimestamps: true,
      staticTargets: [
        { address: "localhost:9100", labels: { zone: "a" } },
        { address: "[::1]:9100", labels: { zone: "a" } },
      ],
    });
    expect(slow).toMatchObject({
      intervalMs: 90_000,
      timeoutMs: 20_000,
      scheme: "https",
      metricsPath: "/probe",
      params: { module: ["http", "tcp"] },
      honorLabels: true,
      bodySizeMaxBytes: 10 * 1024 * 1024,
      http: { authorization: { kind: "basic", username: { text: "u" }, password: { text: "p" } } },
    });
  });

  it("takes an empty file", () => {
    expect(parseConfig("", "f")).toEqual({
      agentConfigs: [],
      globals: expect.objectContaining({ intervalMs: 60_000, externalLabels: Labels.from([]) }),
      scrapeConfigs: [],
      scrapeConfigFiles: [],
      pushConfigs: [],
      pushBudgets: {},
      graphiteTemplates: [],
      otlp: {},
      storage: {},
      shown: expect.stringContaining("scrape_interval: 1m"),
      warnings: [],
    });
  });

  it.each([
    [
      "scrape_configs:\n  - job_name: a\n    metric_path: /x\n",
      'narthex.yml:3:5: unknown key "metric_path" in scrape_configs[0]; did you mean "metrics_path"?',
    ],
    [
      "scrape_configs:\n  - scheme: http\n",
      "narthex.yml:2:5: scrape_configs[0].job_name must be given and not empty",
    ],
    [
      "scrape_configs:\n  - job_name: a\n    scrape_interval: soon\n",
      'narthex.yml:3:22: scrape_configs[0].scrape_interval must be a duration such as 15s or 1m30s, not "soon"',
    ],
    [
      "scrape_configs:\n  - {job_name: a, scrape_interval: 5s, scrape_timeout: 6s}\n",
      "narthex.yml:2:56: scrape_configs[0].scrape_timeout must not be longer than scrape_interval",
    ],
    [
      "scrape_configs:\n  - job_name: a\n  - job_name: a\n",
      'narthex.yml:3:15: scrape_configs[1].job_name "a" is the name of another job too',
    ],
    [
      "scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ['http://x/m']}]\n",
      'narthex.yml:3:32: scrape_configs[0].static_configs[0].targets must be host:port without scheme or path, not "http://x/m"',
    ],
    ["scrape_configs: 5\n", "narthex.yml:1:17: scrape_configs must be a list"],
    ["nonsense: 1\n", 'narthex.yml:1:1: unknown key "nonsense" in the file'],
    ["- a\n", "narthex.yml:1:1: the file must be a mapping"],
  ])("refuses %j with its place", (text, message) => expect(problem(text)).toBe(message));

  it("reads the first document of a file, and says that there is another", () => {
    for (const text of ["null\n", "~", "---\n---\na: 1\n", "# a comment\n---\n"])
      expect(parseConfig(text, "f").scrapeConfigs).toEqual([]);
    const { globals, warnings } = parseConfig("global: { scrape_interval: 5s }\n---\nnonsense: [\n", "f");
    expect(globals.intervalMs).toBe(5000);
    expect(warnings).toEqual([
      "f:2: a second document begins, which is not read: join the two, without --- between them",
    ]);
  });

  it("says where the YAML itself is broken", () => {
    expect(problem("a: [1\nb: 2\n")).toMatch(/^narthex\.yml:\d+:\d+: /);
  });

  it("warns of what Prometheus knows and we do not act on yet", () => {
    const text = "rule_files: [x.yml]\nscrape_configs:\n  - job_name: a\n    consul_sd_configs: []\n";
    expect(parseConfig(text, "f").warnings).toEqual([
      "f:1: rule_files is not acted on yet",
      expect.stringMatching(/^f:4: scrape_configs\[0\]\.consul_sd_configs is not acted on yet: its targets /),
    ]);
  });
});
