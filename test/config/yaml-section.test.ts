import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";

const anchored = `
scrape_configs:
  - &app
    job_name: app
    scrape_interval: 30s
    metric_relabel_configs: &rules
      - &drop { action: drop, regex: go_.*, source_labels: [__name__] }
    static_configs: [{ targets: [&address "h:1"], labels: { version: 1.10, yes: true } }]
  - job_name: other
    metric_relabel_configs: *rules
    relabel_configs: [*drop]
    static_configs: [{ targets: [*address] }]
  - <<: *app
    job_name: third
    scrape_interval: 1m
`;

describe("YAML", () => {
  it("may name things once and use them again", () => {
    const [app, other, third] = parseConfig(anchored, "f.yml").scrapeConfigs;
    expect(other).toMatchObject({
      metricRelabelConfigs: [{ action: "drop", regex: "go_.*" }],
      relabelConfigs: [{ action: "drop" }],
      staticTargets: [{ address: "h:1" }],
    });
    expect(third).toMatchObject({ jobName: "third", intervalMs: 60_000, staticTargets: app!.staticTargets });
  });

  it("keeps what is text as it is written", () => {
    const [app] = parseConfig(anchored, "f.yml").scrapeConfigs;
    expect(app!.staticTargets[0]!.labels).toEqual({ version: "1.10", yes: "true" });
  });

  it.each([
    ["scrape_configs:\n  - &a\n    job_name: x\n    <<: *a\n", /unknown key "<<"/],
    ["scrape_configs:\n  - job_name: x\n    <<: 3\n", /unknown key "<<"/],
    ["scrape_configs: *none\n", /f\.yml:1:17: scrape_configs must be a list/],
    [
      "global: &g {}\nscrape_configs: [{ job_name: x, scheme: *g }]",
      /f\.yml:2:41: .*scheme must be a single value/,
    ],
  ])("is refused where it makes no sense: %j", (text, message) => {
    expect(() => parseConfig(text, "f.yml")).toThrow(message);
  });
});
