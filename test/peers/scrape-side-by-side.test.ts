/**
 * Real exporters and targets at their worst, scraped by us and by a real Prometheus from one configuration, for a short
 * time. The long run is `node scripts/scrape-side-by-side.mjs`; SEED=n replays.
 */

import { describe, expect, it } from "vitest";
import { scrapeSideBySide } from "../scrape-peers/side-by-side.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { builtCli } from "../support/processes.js";

const seed = Number(process.env.SEED ?? 1);
const isMissing = ["prometheus", "prometheus-node-exporter", "prometheus-pushgateway"]
  .map(isPeerMissing)
  .includes(true);

describe.skipIf(isMissing)("a real Prometheus", () => {
  it(`stores what we store of the same targets (SEED=${seed})`, async () => {
    const report = await scrapeSideBySide({
      prometheus: findPeer("prometheus")!,
      narthex: builtCli,
      ...{ seed, intervalMs: 1000, pages: 14, turns: 1 },
    });
    expect(report.differences).toEqual([]);
    // A machine that is too slow for a scrape within a second tells nothing about it.
    expect(report.scrapes).toBeGreaterThan(0);
    expect(report.samples).toBeGreaterThan(100);
  });

  it(`stores what we store by random configurations (SEED=${seed})`, async () => {
    const report = await scrapeSideBySide({
      prometheus: findPeer("prometheus")!,
      narthex: builtCli,
      ...{ seed, intervalMs: 1000, pages: 14, turns: 0, randomJobs: 25 },
    });
    expect(report.differences).toEqual([]);
    expect(report.scrapes).toBeGreaterThan(0);
  });
});
