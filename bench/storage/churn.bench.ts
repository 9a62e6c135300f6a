/**
 * Churn: every series is replaced each half hour of data time, with cuts and merges as they come. What is in memory
 * after each six hours must stay as it is; so must what a pass of maintenance takes.
 *
 * `--quick` takes 2,000 series at a time and a day, otherwise 20,000 and four days, or `HOURS=`. `RULES=1` keeps a half
 * of the series for 12 hours only.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Labels } from "../../src/model/labels.js";
import { Matcher } from "../../src/model/matcher.js";
import { NO_SERIES, type SeriesRef } from "../../src/model/series.js";
import { openTsdb } from "../../src/storage/tsdb.js";
import { sizeOf } from "../support/directory-size.js";
import { measure, memoryInUse } from "../support/process-meters.js";

const isQuick = process.argv.includes("--quick");
const seriesCount = isQuick ? 2000 : 20_000;
const hours = Number(process.env.HOURS ?? (isQuick ? 24 : 96));
const minuteMs = 60_000;
const start = Math.floor(Date.now() / 7_200_000) * 7_200_000 - 1000 * 7_200_000;
const retentionRules =
  process.env.RULES === undefined
    ? []
    : [{ matchers: [new Matcher("tier", "=", "debug")], retentionMs: 12 * 60 * minuteMs }];

const directory = mkdtempSync(join(tmpdir(), "narthex-bench-"));
let now = start;
const clock = { now: () => now, monotonic: () => performance.now(), schedule: () => () => {} };
const tsdb = await openTsdb({ directory, durability: "none", clock, retentionRules });

console.log(`${seriesCount} series at a time, replaced every 30 minutes; one sample a minute`);
console.log(
  "| hours | series so far | in the head | heap and buffers, MiB | WAL, MiB | blocks | on disk, MiB | append, M samples/s of CPU | maintenance, CPU ms | longest stall, ms |",
);
console.log("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
let appendCpuMs = 0;
let maintenanceCpuMs = 0;
let stall = 0;
let generation = 0;
for (let half = 0; half < hours * 2; half++) {
  generation++;
  const labels = Array.from({ length: seriesCount }, (_, i) =>
    Labels.from({
      __name__: `app_metric_${i % 100}_total`,
      job: "app",
      pod: `app-${generation}-${Math.floor(i / 100)}`,
      tier: i % 2 === 0 ? "debug" : "web",
    }),
  );
  const refs: SeriesRef[] = labels.map(() => NO_SERIES);
  for (let minute = 0; minute < 30; minute++) {
    now += minuteMs;
    const cpu = process.cpuUsage();
    for (let from = 0; from < seriesCount; from += 2000) {
      const appender = tsdb.appender();
      for (let i = from; i < from + 2000; i++)
        refs[i] = appender.append(refs[i]!, labels[i]!, now, generation + minute * (i % 7));
      await appender.commit();
    }
    const { user, system } = process.cpuUsage(cpu);
    appendCpuMs += (user + system) / 1000;
  }
  const { cpuMs, stallMs } = await measure(() => tsdb.runMaintenance());
  maintenanceCpuMs += cpuMs;
  stall = Math.max(stall, stallMs);
  if ((half + 1) % 12 !== 0) continue;
  labels.length = 0;
  refs.length = 0;
  const { headSeries, walBytes, blocks } = tsdb.describe();
  const cells = [
    ...[(half + 1) / 2, generation * seriesCount, headSeries, (memoryInUse() / 2 ** 20).toFixed(0)],
    ...[(walBytes / 2 ** 20).toFixed(0), blocks.length, (sizeOf(directory) / 2 ** 20).toFixed(0)],
    ((seriesCount * 30 * 12) / appendCpuMs / 1000).toFixed(2),
    ...[maintenanceCpuMs.toFixed(0), stall.toFixed(0)],
  ];
  console.log(`| ${cells.join(" | ")} |`);
  appendCpuMs = 0;
  maintenanceCpuMs = 0;
  stall = 0;
}
await tsdb.close();
rmSync(directory, { recursive: true, force: true });
