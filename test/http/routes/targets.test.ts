import { describe, expect, it } from "vitest";
import { noFacts } from "../../../src/http/routes/status.js";
import { Labels } from "../../../src/model/labels.js";
import { RelabelConfig } from "../../../src/relabel/relabel-config.js";
import type { ScrapePoolStatus, TargetStatus } from "../../../src/scrape/status.js";
import { SharedMetadata, TargetMetadata } from "../../../src/scrape/target-metadata.js";
import { FakeClock } from "../../support/fake-clock.js";
import { failure, testApp } from "../test-app.js";

const metadata = new TargetMetadata(new SharedMetadata(), undefined);
metadata.describeMetric("up_b", { type: "gauge", help: "B" });
metadata.describeMetric("up_a", { type: "counter", unit: "seconds" });

const target: TargetStatus = {
  url: "http://localhost:9100/metrics",
  discoveredLabels: Labels.from({ __address__: "localhost:9100", __meta_zone: "z", job: "node" }),
  labels: Labels.from({ job: "node", instance: "localhost:9100" }),
  health: "down",
  lastError: "connection refused",
  lastScrape: 1_500,
  lastDurationMs: 12,
  lastSamples: 0,
  intervalMs: 15_000,
  timeoutMs: 10_000,
  metadata,
};

const unscraped: TargetStatus = {
  ...target,
  labels: Labels.from({ job: "app", instance: "x" }),
  ...{ health: "unknown", lastScrape: undefined },
};

const noSelections = { count: 0, sumSeconds: 0, quantiles: () => [] };

const droppedLabels = { __address__: "localhost:9101", job: "node" };

const counts = {
  discoveredCount: 1,
  metadataCount: 0,
  targetsMax: 0,
  failedCount: 0,
  selections: noSelections,
};

const node: ScrapePoolStatus = {
  ...counts,
  jobName: "node",
  activeTargets: [target],
  droppedTargets: [Labels.from(droppedLabels)],
  droppedCount: 7,
  relabelConfigs: [
    new RelabelConfig({ targetLabel: "__address__", replacement: "example.com:443", regex: "" }),
    new RelabelConfig({ action: "drop", sourceLabels: ["__address__"], regex: "example\\.com:.*" }),
    new RelabelConfig({ targetLabel: "job", replacement: "late" }),
  ],
  discoveries: [],
};

const app: ScrapePoolStatus = {
  ...counts,
  jobName: "app",
  activeTargets: [unscraped],
  droppedTargets: [],
  droppedCount: 0,
  relabelConfigs: [],
  discoveries: [],
};

const { get } = testApp({}, { scrapePools: () => [node, app] });

async function answer(path: string) {
  return JSON.parse((await get(path)).text).data;
}

describe("/api/v1/targets", () => {
  it("answers what is scraped and what was dropped, job by job, as Prometheus does", async () => {
    const { activeTargets, droppedTargets, droppedTargetCounts } = await answer("/api/v1/targets");
    expect(activeTargets[0]).toMatchObject({ scrapePool: "app", lastScrape: "0001-01-01T00:00:00Z" });
    expect(activeTargets[1]).toEqual({
      discoveredLabels: { __address__: "localhost:9100", __meta_zone: "z", job: "node" },
      labels: { instance: "localhost:9100", job: "node" },
      scrapePool: "node",
      scrapeUrl: "http://localhost:9100/metrics",
      globalUrl: "http://localhost:9100/metrics",
      lastError: "connection refused",
      lastScrape: "1970-01-01T00:00:01.500Z",
      lastScrapeDuration: 0.012,
      health: "down",
      scrapeInterval: "15s",
      scrapeTimeout: "10s",
    });
    expect(droppedTargets).toEqual([{ discoveredLabels: droppedLabels, scrapePool: "node" }]);
    expect(droppedTargetCounts).toEqual({ app: 0, node: 7 });
  });

  it("names this machine where others would look at their own", async () => {
    const globalUrlOf = async (url: string, more: Record<string, string> = {}, external?: string) => {
      const discoveredLabels = Labels.from({ job: "app", ...more });
      const pool = { ...app, activeTargets: [{ ...target, url, discoveredLabels }] };
      const facts = {
        ...noFacts(new FakeClock(0)),
        hostname: "cellar",
        ...(external && { externalUrl: new URL(external) }),
      };
      const asked = testApp({}, { scrapePools: () => [pool], facts });
      return JSON.parse((await asked.get("/api/v1/targets")).text).data.activeTargets[0].globalUrl;
    };
    expect(await globalUrlOf("http://localhost:9100/m?a=b")).toBe("http://cellar:9100/m?a=b");
    expect(await globalUrlOf("https://127.0.0.1:1")).toBe("https://cellar:1");
    expect(await globalUrlOf("http://[::1]:9100/m")).toBe("http://cellar:9100/m");
    // As in Prometheus, which knows no port here.
    expect(await globalUrlOf("http://localhost/m")).toBe("http://localhost/m");
    expect(await globalUrlOf("http://localhost.example:9100/m")).toBe("http://localhost.example:9100/m");
    expect(await globalUrlOf("http://localhost:1/m", {}, "https://m.example")).toBe("http://m.example:1/m");
    const ofAgent = { __meta_agent: "far" };
    expect(await globalUrlOf("http://localhost:9100/m", ofAgent)).toBe("http://localhost:9100/m");
  });

  it("answers a part of it when asked", async () => {
    const counts = { app: 0, node: 7 };
    const active = await answer("/api/v1/targets?state=active&scrapePool=node");
    expect([active.activeTargets.length, active.droppedTargets, active.droppedTargetCounts]).toEqual([
      1,
      [],
      null,
    ]);
    const dropped = await answer("/api/v1/targets?state=dropped");
    expect([dropped.activeTargets, dropped.droppedTargets.length, dropped.droppedTargetCounts]).toEqual([
      [],
      1,
      counts,
    ]);
    const app = await answer("/api/v1/targets?scrapePool=app");
    expect([app.activeTargets.length, app.droppedTargets, app.droppedTargetCounts]).toEqual([1, [], counts]);
    expect(await answer("/api/v1/targets?scrapePool=")).toEqual(await answer("/api/v1/targets"));
    // As in Prometheus.
    expect(await answer("/api/v1/targets?state=lost")).toEqual({
      activeTargets: [],
      droppedTargets: [],
      droppedTargetCounts: null,
    });
  });
});

describe("/api/v1/scrape_pools", () => {
  it("lists the jobs", async () => {
    expect(await answer("/api/v1/scrape_pools")).toEqual({ scrapePools: ["app", "node"] });
  });
});

describe("/api/v1/targets/relabel_steps", () => {
  const path = (scrapePool: string, labels: string) =>
    `/api/v1/targets/relabel_steps?${new URLSearchParams({ scrapePool, labels })}`;

  it("answers what each rule does, nothing after the one that drops", async () => {
    expect(await answer(path("node", '{"job":"test","__address__":"localhost:9090","none":""}'))).toEqual({
      steps: [
        {
          rule: {
            separator: ";",
            regex: "",
            targetLabel: "__address__",
            replacement: "example.com:443",
            action: "replace",
          },
          output: { __address__: "example.com:443", job: "test" },
          keep: true,
        },
        {
          rule: {
            sourceLabels: ["__address__"],
            separator: ";",
            regex: "example\\.com:.*",
            replacement: "$1",
            action: "drop",
          },
          output: {},
          keep: false,
        },
        {
          rule: { separator: ";", regex: "(.*)", targetLabel: "job", replacement: "late", action: "replace" },
          output: {},
          keep: false,
        },
      ],
    });
    expect(await answer(path("app", "{}"))).toEqual({ steps: [] });
  });

  it.each([
    ["", "{}", "no scrapePool parameter provided"],
    ["node", "", "no labels parameter provided"],
    ["none", "{}", 'error retrieving scrape config: scrape pool "none" not found'],
    ["node", "{", "error parsing labels: SyntaxError"],
    ["node", "[]", "error parsing labels: write an object of texts"],
    ["node", '{"a":1}', 'error parsing labels: the value of "a" is no text'],
  ])("refuses pool %j with labels %j", async (pool, labels, message) => {
    expect(failure(await get(path(pool, labels)))).toContain(`400 error bad_data: ${message}`);
  });
});

describe("/api/v1/targets/metadata", () => {
  const ofNode = { instance: "localhost:9100", job: "node" };
  const a = { type: "counter", help: "", unit: "seconds" };
  const b = { type: "gauge", help: "B", unit: "" };

  it("answers what each target says, of all metrics or of one", async () => {
    expect(await answer("/api/v1/targets/metadata")).toHaveLength(4);
    expect(await answer('/api/v1/targets/metadata?match_target={job="node"}')).toEqual([
      { target: ofNode, metric: "up_a", ...a },
      { target: ofNode, metric: "up_b", ...b },
    ]);
    expect(await answer('/api/v1/targets/metadata?match_target={job=~"n.*"}&metric=up_b')).toEqual([
      { target: ofNode, ...b },
    ]);
    expect(await answer("/api/v1/targets/metadata?metric=none")).toEqual([]);
  });

  it("answers so many targets as are asked for", async () => {
    const jobs = async (query: string) =>
      (await answer(`/api/v1/targets/metadata?${query}`)).map(
        (found: { target: { job: string } }) => found.target.job,
      );
    expect(await jobs("limit=1")).toEqual(["app", "app"]);
    expect(await jobs("limit=1&metric=up_a")).toEqual(["app"]);
    expect(await jobs("limit=0")).toEqual([]);
  });

  it("refuses what is no selector and no number", async () => {
    expect(failure(await get("/api/v1/targets/metadata?limit=x"))).toBe(
      "400 error bad_data: limit must be a number",
    );
    expect(failure(await get("/api/v1/targets/metadata?match_target={"))).toMatch(
      /^400 error bad_data: invalid parameter "match_target": /,
    );
  });
});
