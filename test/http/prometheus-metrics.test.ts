import { describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import { LengthSummary } from "../../src/scrape/length-summary.js";
import { ScrapeCounts } from "../../src/scrape/scrape-counts.js";
import type { ScrapePoolStatus } from "../../src/scrape/status.js";
import { emptyStatus } from "../support/database-double.js";
import { FakeClock } from "../support/fake-clock.js";
import { testApp } from "./test-app.js";

const clock = new FakeClock(0);

function pool(jobName: string, changes: Partial<ScrapePoolStatus> = {}): ScrapePoolStatus {
  return {
    ...{
      jobName,
      activeTargets: [],
      droppedTargets: [Labels.from([])],
      droppedCount: 1,
      discoveredCount: 3,
      metadataCount: 4,
    },
    ...{ targetsMax: 5, failedCount: 2, selections: new LengthSummary(clock), relabelConfigs: [] },
    discoveries: [],
    ...changes,
  };
}

describe("metrics under Prometheus' names", () => {
  it("say of scraping what a Prometheus says", async () => {
    const scrape = new ScrapeCounts(clock);
    scrape.countLimit("samples");
    scrape.countLimit("body");
    scrape.countLimit("body");
    scrape.countUnstored("duplicate-time", 3);
    scrape.countUnstored("too-old", 4);
    scrape.countUnstored("too-new", 5);
    for (const lengthMs of [14_000, 15_000, 16_000]) scrape.countInterval(15_000, lengthMs);
    const selections = new LengthSummary(clock);
    selections.observe(2);
    const discovery = (kind: "http" | "dns" | "kubernetes", failures: number) => ({
      ...{ kind, place: "", refreshes: 9, failures, lastRefresh: undefined, lastError: "", targets: 1 },
    });
    const discoveries = [discovery("http", 1), discovery("http", 2), discovery("kubernetes", 7)];
    const pools = [pool("a", { selections }), pool("b", { discoveries })];
    const config = () => ({ isLastReloadSuccessful: false, readAt: 1500 });
    const { database, get } = testApp(
      {},
      { ownMetrics: { config, scrape: () => scrape, scrapePools: () => pools } },
    );
    database.answerStatus = () => ({ ...emptyStatus, headSeries: 8 });
    const lines = (await get("/metrics")).text.split("\n");
    for (const line of [
      'prometheus_build_info{version="1.2.3",revision="",branch="",goversion=""} 1',
      "prometheus_ready 1",
      "prometheus_tsdb_head_series 8",
      "prometheus_config_last_reload_successful 0",
      "prometheus_config_last_reload_success_timestamp_seconds 1.5",
      "prometheus_target_scrapes_exceeded_sample_limit_total 1",
      "prometheus_target_scrapes_exceeded_body_size_limit_total 2",
      "prometheus_target_scrape_pool_exceeded_label_limits_total 0",
      "prometheus_target_scrapes_sample_duplicate_timestamp_total 3",
      "prometheus_target_scrapes_sample_out_of_bounds_total 9",
      "# TYPE prometheus_target_interval_length_seconds summary",
      'prometheus_target_interval_length_seconds{interval="15s",quantile="0.5"} 15',
      'prometheus_target_interval_length_seconds{interval="15s",quantile="0.99"} 16',
      'prometheus_target_interval_length_seconds_sum{interval="15s"} 45',
      'prometheus_target_interval_length_seconds_count{interval="15s"} 3',
      'prometheus_target_scrape_pool_target_limit{scrape_job="b"} 5',
      'prometheus_target_metadata_cache_entries{scrape_job="a"} 4',
      'prometheus_target_sync_failed_total{scrape_job="a"} 2',
      'prometheus_target_scrape_pool_sync_total{scrape_job="a"} 1',
      'prometheus_target_sync_length_seconds_sum{scrape_job="a"} 0.002',
      'prometheus_target_sync_length_seconds_count{scrape_job="b"} 0',
      'prometheus_sd_discovered_targets{name="scrape",config="a"} 3',
      'prometheus_sd_refresh_failures_total{mechanism="http"} 3',
      "prometheus_sd_http_failures_total 3",
      "prometheus_sd_kubernetes_failures_total 7",
    ])
      expect(lines).toContain(line);
    const text = lines.join("\n");
    expect(text).not.toContain('mechanism="dns"');
    expect(text).not.toContain('sync_length_seconds{scrape_job="b"');
  });

  it("ask for the state of all jobs once a page", async () => {
    let asked = 0;
    const scrapePools = () => {
      asked++;
      return [pool(`job ${asked}`)];
    };
    const { get } = testApp({}, { ownMetrics: { scrapePools } });
    for (const page of [1, 2]) {
      expect((await get("/metrics")).text).toContain(`scrape_pool_targets{scrape_job="job ${page}"} 0`);
      expect(asked).toBe(page);
    }
  });

  it("have intervals of a few kinds only, however many there are", () => {
    const scrape = new ScrapeCounts(clock);
    for (let i = 1; i <= 1000; i++) scrape.countInterval(i * 1000, 1);
    expect(scrape.intervals.size).toBe(50);
  });
});
