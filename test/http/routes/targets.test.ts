import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import type { TargetStatus } from "../../../src/scrape/status.js";
import { failure, testApp } from "../test-app.js";

const target: TargetStatus = {
  job: "node",
  url: "http://localhost:9100/metrics",
  labels: Labels.from({ job: "node", instance: "localhost:9100" }),
  health: "down",
  lastError: "connection refused",
  lastScrape: 1_500,
  lastDurationMs: 12,
  lastSamples: 0,
  intervalMs: 15_000,
  timeoutMs: 10_000,
};

describe("/api/v1/targets", () => {
  it("answers what is scraped, as Prometheus does", async () => {
    const unscraped = { ...target, job: "new", health: "unknown", lastScrape: undefined } as const;
    const { get } = testApp({}, { targets: () => [target, unscraped] });
    const { data } = JSON.parse((await get("/api/v1/targets")).text);
    expect(data.activeTargets[0]).toEqual({
      discoveredLabels: {
        __address__: "localhost:9100",
        __metrics_path__: "/metrics",
        __scheme__: "http",
        job: "node",
      },
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
    expect(data.activeTargets[1].lastScrape).toBe("0001-01-01T00:00:00Z");
    const ofPool = JSON.parse((await get("/api/v1/targets?state=active&scrapePool=new")).text);
    expect(ofPool.data.activeTargets).toHaveLength(1);
    const dropped = JSON.parse((await get("/api/v1/targets?state=dropped")).text);
    expect(dropped.data).toEqual({ activeTargets: [], droppedTargets: [], droppedTargetCounts: {} });
    expect(failure(await get("/api/v1/targets?state=lost"))).toContain(
      '400 error bad_data: invalid parameter "state"',
    );
  });
});
