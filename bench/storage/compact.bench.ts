/**
 * Merges of blocks: by level, of blocks that overlap, with deletions, and thinning by retention, on the main thread
 * and in both encodings. Sources are made once for each; CPU time, and what is read and written of it.
 *
 * `--quick` takes 2,000 series instead of 20,000, `SERIES=` any number.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME } from "../../src/model/sample.js";
import type { BlockEncoding } from "../../src/model/series.js";
import { NO_SERIES } from "../../src/model/series.js";
import type { TsdbOptions } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { nodeSeriesLabels, nodeSeriesValue } from "../support/node-exporters.js";
import { measure } from "../support/process-meters.js";

const seriesCount = Number(process.env.SERIES ?? (process.argv.includes("--quick") ? 2000 : 20_000));
const windowMs = 7_200_000;
const stepMs = 30_000;
/** Three windows that make one of six hours, long ago. */
const start = Math.floor(Date.now() / (9 * windowMs)) * 9 * windowMs - 90 * windowMs;
const labels = Array.from({ length: seriesCount }, (_, i) => nodeSeriesLabels(i));

/** What lies in the directory when it is opened for the pass of maintenance that is measured. */
interface Scenario {
  /** Times of the samples of each block. */
  readonly blocks: readonly { readonly from: number; readonly to: number; readonly offsetMs?: number }[];
  readonly options?: (now: number) => Partial<TsdbOptions>;
  readonly prepare?: (tsdb: Tsdb) => Promise<void>;
}

const threeWindows = [0, 1, 2].map((i) => ({ from: start + i * windowMs, to: start + (i + 1) * windowMs }));
const newest = { from: start + 30 * windowMs, to: start + 30 * windowMs + 2 * stepMs };
const oneMetric = [new Matcher("__name__", "=~", "node_disk.*")];

const scenarios: Readonly<Record<string, Scenario>> = {
  "three blocks of 2 h to one of 6 h": { blocks: [...threeWindows, newest] },
  "two blocks that overlap, sample by sample": {
    blocks: [threeWindows[0]!, { ...threeWindows[0]!, offsetMs: stepMs / 2 }],
  },
  "a block of which a quarter is deleted": {
    blocks: [threeWindows[0]!],
    prepare: (tsdb) => tsdb.deleteSeries(oneMetric, ALL_TIME),
  },
  "a block that loses a quarter by retention": {
    blocks: [threeWindows[0]!],
    options: () => ({ retentionRules: [{ matchers: oneMetric, retentionMs: 10 * windowMs }] }),
  },
};

async function writeBlock(tsdb: Tsdb, { from, to, offsetMs = 0 }: Scenario["blocks"][number]): Promise<void> {
  const appender = tsdb.bulkAppender();
  for (const [i, each] of labels.entries()) {
    let ref = NO_SERIES;
    for (let time = from; time < to; time += stepMs)
      ref = appender.append(ref, each, time + offsetMs, nodeSeriesValue(i, (time - start) / stepMs));
    if (i % 1000 === 999) await appender.drain();
  }
  await appender.commit();
}

async function run(name: string, scenario: Scenario, blockEncoding: BlockEncoding): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "narthex-bench-"));
  const common = { directory, durability: "none", blockEncoding, workers: 0 } as const;
  const writing = await openTsdb(common);
  for (const block of scenario.blocks) await writeBlock(writing, block);
  await writing.close();
  const tsdb = await openTsdb({ ...common, ...scenario.options?.(Date.now()) });
  await scenario.prepare?.(tsdb);
  const before = describe(tsdb);
  const { cpuMs, stallMs } = await measure(() => tsdb.runMaintenance());
  const after = describe(tsdb);
  const rate = (before.samples / cpuMs / 1000).toFixed(1);
  const [mib, left] = [before, after].map(({ bytes }) => (bytes / 2 ** 20).toFixed(1));
  console.log(
    `| ${name} | ${blockEncoding} | ${(before.samples / 1e6).toFixed(1)} M | ${mib} → ${left} | ${cpuMs.toFixed(0)} | ${rate} | ${stallMs.toFixed(0)} |`,
  );
  await tsdb.close();
  rmSync(directory, { recursive: true, force: true });
}

function describe(tsdb: Tsdb): { readonly samples: number; readonly bytes: number } {
  const { blocks } = tsdb.describe();
  const sum = (of: "samples" | "bytes") => blocks.reduce((total, block) => total + block[of], 0);
  return { samples: sum("samples"), bytes: sum("bytes") };
}

console.log(
  `| ${seriesCount} series | encoding | samples | MiB | CPU ms | M samples/s | longest stall, ms |`,
);
console.log("|---|---|---:|---:|---:|---:|---:|");
for (const [name, scenario] of Object.entries(scenarios))
  for (const encoding of ["gorilla", "adaptive"] as const) await run(name, scenario, encoding);
