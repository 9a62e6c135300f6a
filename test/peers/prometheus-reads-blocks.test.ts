/**
 * A real Prometheus, started on a copy of our block folders, answers as we do; promtool reads them.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, Labels, NO_SERIES, openDatabase } from "../../src/index.js";
import { loadSamples } from "../../src/samples/load-samples.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { query, type RunningServer, startNarthex, startPrometheus } from "../support/processes.js";

const prometheusBinary = findPeer("prometheus");
const promtool = findPeer("promtool");
const seattle = { start: "2010-06-01T00:00:00Z", end: "2010-06-08T00:00:00Z" };

const instants = [
  ["avg_over_time(seattle_temperature_celsius[1d])", "2010-06-03T00:00:00Z"],
  ["sum by (symbol) (last_over_time(stock_price_dollars[60d]))", "2008-01-15T00:00:00Z"],
  ["topk(2, max_over_time(stock_price_dollars[1y]))", "2009-01-01T00:00:00Z"],
  ["quantile_over_time(0.9, seattle_temperature_celsius[30d])", "2010-07-01T00:00:00Z"],
  ["count({__name__=~'.+'} offset 1m)", "2010-01-01T01:02:00Z"],
  ["co2_concentration_ppm", "1965-03-01T00:01:00Z"],
] as const;

const ranges = [
  ["avg_over_time(seattle_temperature_celsius[1d])", seattle.start, seattle.end, "1d"],
  ["deriv(seattle_temperature_celsius[6h]) * 3600", seattle.start, seattle.end, "3h"],
  ["max_over_time(seattle_wind_metres_per_second[1d:1h]) > bool 4", seattle.start, seattle.end, "6h"],
  [
    "delta(stock_price_dollars[92d]) / ignoring(foo) stock_price_dollars offset 1d",
    "2000-06-01T00:00:00Z",
    "2009-06-01T00:00:00Z",
    "30d",
  ],
  ["rate(us_employment_thousands[200d])", "2006-06-01T00:00:00Z", "2015-01-01T00:00:00Z", "60d"],
  ["last_over_time(co2_concentration_ppm[40d])", "1958-03-01T00:00:00Z", "1975-01-01T00:00:00Z", "40d"],
] as const;

describe.skipIf(["prometheus", "promtool"].map(isPeerMissing).includes(true))(
  "a real Prometheus on our blocks",
  () => {
    const directory = mkdtempSync(join(tmpdir(), "narthex-peer-"));
    const ours = join(directory, "ours");
    const theirs = join(directory, "theirs");
    let narthex: RunningServer;
    let prometheus: RunningServer;

    beforeAll(async () => {
      const database = await openDatabase({ directory: ours, blockEncoding: "gorilla" });
      await loadSamples((_, source, options) => database.import(source, options));
      await appendDevops(database);
      await database.runMaintenance();
      await database.close();
      mkdirSync(theirs);
      for (const name of readdirSync(ours).filter((entry) => /^[0-9A-Z]{26}$/.test(entry))) {
        cpSync(join(ours, name), join(theirs, name), { recursive: true });
      }
      const configFile = join(directory, "prometheus.yml");
      writeFileSync(configFile, "global: {}\n");
      narthex = await startNarthex(ours);
      prometheus = await startPrometheus(prometheusBinary!, { directory: theirs, configFile });
    });

    afterAll(async () => {
      await Promise.all([narthex?.stop(), prometheus?.stop()]);
      rmSync(directory, { recursive: true, force: true });
    });

    it.each(instants)("%s at %s", async (expression, time) => {
      const [left, right] = await Promise.all(
        [narthex, prometheus].map((server) => query(server, "query", { query: expression, time })),
      );
      expect(left!.length).toBeGreaterThan(0);
      expect(left).toEqual(right);
    });

    it.each(ranges)("%s from %s", async (expression, start, end, step) => {
      const parameters = { query: expression, start, end, step };
      const [left, right] = await Promise.all(
        [narthex, prometheus].map((server) => query(server, "query_range", parameters)),
      );
      expect(left!.length).toBeGreaterThan(0);
      expect(left).toEqual(right);
    });

    it.each([
      "sum by (job) (rate(requests_total[5m]))",
      "histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[10m])))",
      "requests_total",
      "increase(requests_total[20m])",
    ])("%s over blocks that the head was cut into", async (expression) => {
      const parameters = {
        query: expression,
        start: "2026-03-01T00:00:00Z",
        end: "2026-03-01T05:00:00Z",
        step: "3m",
      };
      const [left, right] = await Promise.all(
        [narthex, prometheus].map((server) => query(server, "query_range", parameters)),
      );
      const beforeCut = (series: typeof left) =>
        series!.map(({ metric, values }) => ({ metric, values: values!.filter(([time]) => time < cutTime) }));
      expect(left!.length).toBeGreaterThan(0);
      expect(beforeCut(left)).toEqual(beforeCut(right));
    });

    it("is what promtool tsdb analyze reads", () => {
      for (const name of readdirSync(theirs).filter((entry) => /^[0-9A-Z]{26}$/.test(entry))) {
        const output = execFileSync(promtool!, ["tsdb", "analyze", theirs, name], { encoding: "utf8" });
        expect(output).toContain(`Block ID: ${name}`);
      }
    });
  },
);

/** Two complete two-hour windows, so that everything before this is in blocks (seconds since the epoch). */
const cutTime = Date.UTC(2026, 2, 1, 4) / 1000;

/** Counters with resets, a histogram, gaps: six hours at 15 s. */
async function appendDevops(database: Database): Promise<void> {
  const start = Date.UTC(2026, 2, 1);
  const appender = database.appender();
  for (let series = 0; series < 12; series++) {
    const labels = Labels.from({
      __name__: "requests_total",
      job: `job${series % 3}`,
      instance: `i${series}`,
    });
    for (let i = 0, value = 0; i < 6 * 240; i++) {
      value = i % 500 === 499 ? 0 : value + ((i * (series + 3)) % 17);
      if ((i + series * 31) % 97 > 3) appender.append(NO_SERIES, labels, start + i * 15_000, value);
    }
  }
  for (const [bucket, le] of ["0.1", "0.5", "1", "+Inf"].entries()) {
    const labels = Labels.from({ __name__: "latency_seconds_bucket", le });
    for (let i = 0; i < 6 * 240; i++)
      appender.append(NO_SERIES, labels, start + i * 15_000, i * (bucket + 1) + (i % 7) * bucket);
  }
  await appender.commit();
}
