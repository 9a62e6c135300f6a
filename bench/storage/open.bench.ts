/**
 * Opening a database: with many blocks, with one block of many series, and with a log to replay after a kill, small
 * and large. Each is opened by a process that has done nothing else; CPU time of the opening alone.
 *
 * `--quick` takes a tenth of everything.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Labels } from "../../src/model/labels.js";
import { NO_SERIES, type SeriesRef } from "../../src/model/series.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { sizeOf } from "../support/directory-size.js";
import { nodeSeriesLabels, nodeSeriesValue } from "../support/node-exporters.js";
import { measure, memoryInUse } from "../support/process-meters.js";

const scale = process.argv.includes("--quick") ? 0.1 : 1;
const windowMs = 7_200_000;
const now = Math.floor(Date.now() / windowMs) * windowMs;
const self = fileURLToPath(import.meta.url);

/** Fills the directory `data`; what is to be opened is in the directory that it gives, or in `data`. */
type Fill = (data: string) => Promise<string | undefined>;

const blockCount = 300 * scale;
const million = 1_000_000 * scale;
const steps = 500 * scale;

const scenarios: Readonly<Record<string, Fill>> = {
  nothing: async (data) => {
    await (await openTsdb({ directory: data })).close();
    return undefined;
  },
  [`${blockCount} blocks of 1,000 series`]: (data) => manyBlocks(data),
  [`a block of ${million} series, every fourth with a label of its own`]: (data) => oneBlock(data, million),
  [`a kill after ${steps} samples of each of 10,000 series`]: (data) => killed(data, 10_000, steps),
  [`a kill after 10 samples of each of ${million / 2} series`]: (data) => killed(data, million / 2, 10),
  [`a clean close after ${steps} samples of each of 10,000 series`]: async (data) => {
    const tsdb = await openTsdb({ directory: data, durability: "none" });
    await feed(tsdb, 10_000, steps);
    await tsdb.close();
    return undefined;
  },
};

async function manyBlocks(data: string): Promise<undefined> {
  // No maintenance comes in between to merge them.
  const tsdb = await openTsdb({ directory: data, durability: "none" });
  const labels = Array.from({ length: 1000 }, (_, i) => nodeSeriesLabels(i));
  for (let block = 0; block < blockCount; block++) {
    const appender = tsdb.bulkAppender();
    const start = now - (block + 5) * 9 * windowMs;
    for (const [i, each] of labels.entries())
      for (let k = 0; k < 10; k++)
        appender.append(NO_SERIES, each, start + k * 60_000, nodeSeriesValue(i, k));
    await appender.commit();
  }
  await tsdb.close();
  return undefined;
}

async function oneBlock(data: string, seriesCount: number): Promise<undefined> {
  const tsdb = await openTsdb({ directory: data, durability: "none" });
  const appender = tsdb.bulkAppender();
  for (let i = 0; i < seriesCount; i++) {
    const labels = nodeSeriesLabels(i);
    const pairs = Array.from({ length: labels.size }, (_, at) => [labels.nameAt(at), labels.valueAt(at)]);
    const own = i % 4 === 0 ? { container: `c${((i * 2_654_435_761) >>> 0).toString(16)}` } : {};
    appender.append(NO_SERIES, Labels.from({ ...Object.fromEntries(pairs), ...own }), now - windowMs, 1);
  }
  await appender.commit();
  await tsdb.close();
  return undefined;
}

async function feed(tsdb: Tsdb, seriesCount: number, steps: number): Promise<void> {
  const labels = Array.from({ length: seriesCount }, (_, i) => nodeSeriesLabels(i));
  const refs: SeriesRef[] = labels.map(() => NO_SERIES);
  for (let step = 0; step < steps; step++) {
    for (let from = 0; from < seriesCount; from += 2000) {
      const appender = tsdb.appender();
      for (let i = from; i < Math.min(seriesCount, from + 2000); i++)
        refs[i] = appender.append(refs[i]!, labels[i]!, now + step * 15_000, nodeSeriesValue(i, step));
      await appender.commit();
    }
  }
}

/** The log as a killed process leaves it. */
async function killed(data: string, seriesCount: number, steps: number): Promise<string> {
  const tsdb = await openTsdb({ directory: data, durability: "none" });
  await feed(tsdb, seriesCount, steps);
  const copy = `${data}-killed`;
  cpSync(join(data, "wal"), join(copy, "wal"), { recursive: true });
  await tsdb.close();
  return copy;
}

/** In a process of its own: opens, and says how long that took. */
async function openAlone(directory: string): Promise<void> {
  const before = memoryInUse();
  let tsdb: Tsdb | undefined;
  const { ms, cpuMs, stallMs } = await measure(async () => {
    tsdb = await openTsdb({ directory, durability: "none" });
  });
  const { rss } = process.memoryUsage();
  const { headSamples, blocks } = tsdb!.describe();
  const used = (memoryInUse() - before) / 2 ** 20;
  const perSecond = headSamples === 0 ? "" : (headSamples / cpuMs / 1000).toFixed(1);
  const cells = [blocks.length, ms.toFixed(0), cpuMs.toFixed(0), perSecond, stallMs.toFixed(0)];
  console.log([...cells, used.toFixed(0), (rss / 2 ** 20).toFixed(0)].join(" | "));
  await tsdb!.close();
}

async function main(): Promise<void> {
  console.log(
    "| opened | MiB on disk | blocks | ms | CPU ms | M samples/s of CPU | longest stall, ms | MiB in use | RSS, MiB |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|",
  );
  for (const [name, fill] of Object.entries(scenarios)) {
    const directory = mkdtempSync(join(tmpdir(), "narthex-bench-"));
    const data = join(directory, "data");
    const opened = (await fill(data)) ?? data;
    const size = (sizeOf(opened) / 2 ** 20).toFixed(0);
    const cells = execFileSync(process.execPath, [self, `--open=${opened}`], { encoding: "utf8" }).trim();
    console.log(`| ${name} | ${size} | ${cells} |`);
    rmSync(directory, { recursive: true, force: true });
  }
}

const target = process.argv.find((flag) => flag.startsWith("--open="))?.slice("--open=".length);
await (target === undefined ? main() : openAlone(target));
