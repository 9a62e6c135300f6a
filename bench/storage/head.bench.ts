/**
 * The head: memory per series, appends in order, out of order and repeated, the cut, and opening after a close and a kill.
 *
 * Everything through Tsdb on the real file system, in a temporary directory. `--quick` takes a tenth of the series.
 */

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Labels } from "../../src/model/labels.js";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { NO_SERIES, type SeriesRef } from "../../src/model/series.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { nodeSeriesLabels, nodeSeriesValue } from "../support/node-exporters.js";
import { measure, memoryInUse } from "../support/process-meters.js";

const stepMs = 15_000;
const start = Math.floor(Date.now() / 7_200_000) * 7_200_000 - 3 * 7_200_000;
const batchSize = 2000;
type Durability = "commit" | "none";

const scale = process.argv.includes("--quick") ? 0.1 : 1;

const parts: Record<string, () => Promise<void>> = {
  memory20k: () => memory(20_000 * scale, 300),
  memory100k: () => memory(100_000 * scale, 4),
  memory1m: () => memory(1_000_000 * scale, 4),
  append: async () => {
    for (const seriesCount of [10_000 * scale, 100_000 * scale])
      for (const durability of ["none", "commit"] as const)
        for (const way of ["rows", "columns"] as const) await appends({ seriesCount, durability, way });
  },
  repeat: () => repetitions(10_000 * scale),
  late: () => lateAppends(10_000 * scale),
  backfill: () => backfill(),
  cut: async () => {
    await cut(10_000 * scale, 720);
    await cut(100_000 * scale, 60);
  },
  restart: () => restart(10_000 * scale, 500),
};

async function withTsdb(
  durability: Durability,
  use: (tsdb: Tsdb, directory: string) => Promise<unknown>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "narthex-bench-"));
  try {
    const tsdb = await openTsdb({ directory: join(directory, "data"), durability });
    await use(tsdb, directory);
    await tsdb.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Of the head alone: the client keeps nothing, not even refs. */
async function memory(seriesCount: number, steps: number): Promise<void> {
  await withTsdb("none", async (tsdb) => {
    const before = memoryInUse();
    const began = performance.now();
    for (let step = 0; step < steps; step++) {
      for (let from = 0; from < seriesCount; from += batchSize) {
        const appender = tsdb.appender();
        const time = start + step * stepMs;
        for (let i = from; i < Math.min(from + batchSize, seriesCount); i++)
          appender.append(NO_SERIES, nodeSeriesLabels(i), time, nodeSeriesValue(i, step));
        await appender.commit();
      }
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const used = memoryInUse() - before;
    const chunkBytes = await chunkSizeBytes(tsdb);
    const beyond = ((used - chunkBytes) / seriesCount).toFixed(0);
    const chunks = (chunkBytes / seriesCount).toFixed(0);
    console.log(
      `memory, ${seriesCount} series: ${beyond} B per series beyond ${chunks} B of chunks; ${steps} steps in ${seconds} s`,
    );
  });
}

async function chunkSizeBytes(tsdb: Tsdb): Promise<number> {
  const querier = tsdb.querier(ALL_TIME);
  let sum = 0;
  for (const { chunks } of await querier.select([new Matcher("__name__", "!=", "")]))
    for (const { bytes } of chunks) sum += bytes.length;
  querier.close();
  return sum;
}

/** A client that keeps labels and refs. */
class Feeder {
  readonly labels: Labels[];
  readonly refs: SeriesRef[];
  /** What `columns` sends. */
  readonly #refs: Uint32Array;
  readonly #times: Float64Array;
  readonly #values: Float64Array;

  constructor(seriesCount: number) {
    this.labels = Array.from({ length: seriesCount }, (_, i) => nodeSeriesLabels(i));
    this.refs = this.labels.map(() => NO_SERIES);
    this.#refs = new Uint32Array(seriesCount);
    this.#times = new Float64Array(seriesCount);
    this.#values = new Float64Array(seriesCount);
  }

  /** Makes ready what `columns` sends: one sample for each series that `step` has sent before. */
  prepare(step: number, time: number): void {
    this.#refs.set(this.refs);
    this.#times.fill(time);
    for (let i = 0; i < this.refs.length; i++) this.#values[i] = nodeSeriesValue(i, step);
  }

  /** Sends what was made ready, by refs alone, up to `inFlight` commits at a time. */
  async columns(tsdb: Tsdb, inFlight: number): Promise<void> {
    const commits: Promise<unknown>[] = [];
    for (let from = 0; from < this.refs.length; from += batchSize) {
      const appender = tsdb.appender();
      const to = Math.min(from + batchSize, this.refs.length);
      appender.appendColumns({
        refs: this.#refs.subarray(from, to),
        times: this.#times.subarray(from, to),
        values: this.#values.subarray(from, to),
        length: to - from,
      });
      commits.push(appender.commit());
      if (commits.length >= inFlight) await commits.shift();
    }
    await Promise.all(commits);
  }

  /** One sample for each series. */
  async step(tsdb: Tsdb, step: number, time: number): Promise<void> {
    for (let from = 0; from < this.refs.length; from += batchSize) {
      const appender = tsdb.appender();
      const to = Math.min(from + batchSize, this.refs.length);
      for (let i = from; i < to; i++)
        this.refs[i] = appender.append(this.refs[i]!, this.labels[i]!, time, nodeSeriesValue(i, step));
      await appender.commit();
    }
  }
}

interface AppendCase {
  readonly seriesCount: number;
  readonly durability: Durability;
  /** Row by row with labels and refs, one commit at a time; or columns by refs, four commits at a time. */
  readonly way: "rows" | "columns";
}

async function appends({ seriesCount, durability, way }: AppendCase): Promise<void> {
  await withTsdb(durability, async (tsdb) => {
    const feeder = new Feeder(seriesCount);
    const warmUp = 20;
    const steps = Math.max(30, 3_000_000 / seriesCount);
    for (let step = 0; step < warmUp; step++) await feeder.step(tsdb, step, start + step * stepMs);
    let ms = 0;
    let cpuMs = 0;
    for (let step = warmUp; step < warmUp + steps; step++) {
      const time = start + step * stepMs;
      feeder.prepare(step, time);
      const began = performance.now();
      const cpu = process.cpuUsage();
      if (way === "rows") await feeder.step(tsdb, step, time);
      else await feeder.columns(tsdb, 4);
      const { user, system } = process.cpuUsage(cpu);
      ms += performance.now() - began;
      cpuMs += (user + system) / 1000;
    }
    const samples = seriesCount * steps;
    const perSample = (total: number) => ((total / samples) * 1e6).toFixed(0);
    console.log(
      `append in order by ${way}, ${seriesCount} series, durability ${durability}: ${perSample(cpuMs)} ns of CPU per sample (${(samples / cpuMs / 1000).toFixed(2)} M per CPU-second), ${perSample(ms)} ns by wall`,
    );
  });
}

/** A client that sends the same bodies again. */
async function repetitions(seriesCount: number): Promise<void> {
  await withTsdb("none", async (tsdb) => {
    const feeder = new Feeder(seriesCount);
    const steps = 100;
    let repeatCpuMs = 0;
    let walBytes = 0;
    for (const isRepeated of [false, true]) {
      walBytes = tsdb.describe().walBytes;
      for (let step = 0; step < steps; step++) {
        const send = () => feeder.step(tsdb, step, start + step * stepMs);
        const { cpuMs } = await measure(send);
        if (isRepeated) repeatCpuMs += cpuMs;
      }
    }
    const grown = tsdb.describe().walBytes - walBytes;
    console.log(
      `repetitions, ${seriesCount} series: ${((repeatCpuMs / (steps * seriesCount)) * 1e6).toFixed(0)} ns of CPU per sample, the log grows by ${grown} bytes`,
    );
  });
}

/** Two clients for the same series, one 10 minutes late and half a step off. */
async function lateAppends(seriesCount: number): Promise<void> {
  await withTsdb("none", async (tsdb) => {
    const feeder = new Feeder(seriesCount);
    const lateSteps = 40;
    const steps = 150;
    for (let step = 0; step < lateSteps; step++) await feeder.step(tsdb, step, start + step * stepMs);
    let lateMs = 0;
    let lateCpu = 0;
    for (let step = lateSteps; step < steps; step++) {
      await feeder.step(tsdb, step, start + step * stepMs);
      const late = () => feeder.step(tsdb, step, start + (step - lateSteps) * stepMs + stepMs / 2);
      const { ms, cpuMs } = await measure(late);
      lateMs += ms;
      lateCpu += cpuMs;
    }
    const samples = (steps - lateSteps) * seriesCount;
    console.log(
      `append 10 min late, ${seriesCount} series: ${(samples / lateMs / 1000).toFixed(2)} M samples/s, ${(samples / lateCpu / 1000).toFixed(2)} M per CPU-second`,
    );
  });
}

/** A year at one sample a minute for 20 series, in time order and in none, by quarters. */
async function backfill(): Promise<void> {
  for (const order of ["in time order", "newest first", "shuffled days"] as const) {
    await withTsdb("none", async (tsdb) => {
      const feeder = new Feeder(20);
      await feeder.step(tsdb, 0, start);
      const quarters = Math.round(364 * scale) >> 2;
      const days = Array.from({ length: 4 * quarters }, (_, i) => i);
      if (order === "newest first") days.reverse();
      if (order === "shuffled days")
        days.sort((a, b) => ((a * 7919) % days.length) - ((b * 7919) % days.length));
      const rates: string[] = [];
      for (let quarter = 0; quarter < 4; quarter++) {
        const began = performance.now();
        for (const day of days.slice(quarter * quarters, (quarter + 1) * quarters)) {
          for (let hour = 0; hour < 24; hour++) {
            const appender = tsdb.appender();
            for (let minute = 0; minute < 60; minute++)
              for (let i = 0; i < 20; i++) {
                const time = start - 366 * 86_400_000 + ((day * 24 + hour) * 60 + minute) * 60_000;
                feeder.refs[i] = appender.append(
                  feeder.refs[i]!,
                  feeder.labels[i]!,
                  time,
                  day + hour + minute,
                );
              }
            await appender.commit();
          }
        }
        rates.push(((quarters * 1440 * 20) / (performance.now() - began) / 1000).toFixed(2));
      }
      const { ms, cpuMs, stallMs } = await measure(() => tsdb.runMaintenance());
      console.log(
        `backfill of a year ${order}, M samples/s by quarter: ${rates.join(" ")}; cut ${ms.toFixed(0)} ms (CPU ${cpuMs.toFixed(0)}), longest stall ${stallMs.toFixed(0)} ms`,
      );
    });
  }
}

async function cut(seriesCount: number, steps: number): Promise<void> {
  await withTsdb("none", async (tsdb) => {
    const feeder = new Feeder(seriesCount);
    // Spread over three hours and ten minutes: two of them are cut.
    const spreadMs = Math.floor((3.2 * 3_600_000) / steps);
    for (let step = 0; step < steps; step++) await feeder.step(tsdb, step, start + step * spreadMs);
    const { ms, cpuMs, stallMs } = await measure(() => tsdb.runMaintenance());
    const { blocks } = tsdb.describe();
    const samples = blocks.reduce((sum, block) => sum + block.samples, 0);
    console.log(
      `cut, ${seriesCount} series, ${samples} samples: ${ms.toFixed(0)} ms (CPU ${cpuMs.toFixed(0)}), longest stall ${stallMs.toFixed(0)} ms`,
    );
  });
}

async function restart(seriesCount: number, steps: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "narthex-bench-"));
  const data = join(directory, "data");
  const killed = join(directory, "killed");
  const samples = seriesCount * steps;
  const tsdb = await openTsdb({ directory: data, durability: "none" });
  const feeder = new Feeder(seriesCount);
  for (let step = 0; step < steps; step++) await feeder.step(tsdb, step, start + step * stepMs);
  cpSync(join(data, "wal"), join(killed, "wal"), { recursive: true });
  const closed = await timed(() => tsdb.close());
  for (const [name, from] of [
    ["a kill", killed],
    ["a clean close", data],
  ] as const) {
    const before = memoryInUse();
    let opened: Tsdb | undefined;
    const { ms, cpuMs, stallMs } = await measure(async () => {
      opened = await openTsdb({ directory: from, durability: "none" });
    });
    const peak = process.memoryUsage().rss / 2 ** 20;
    const used = (memoryInUse() - before) / 2 ** 20;
    console.log(
      `open after ${name}, ${samples} samples: ${ms.toFixed(0)} ms, ${(samples / ms / 1000).toFixed(2)} M samples/s (${(samples / cpuMs / 1000).toFixed(2)} M per CPU-second), stall ${stallMs.toFixed(0)} ms, ${used.toFixed(0)} MiB in use, RSS ${peak.toFixed(0)} MiB`,
    );
    await opened?.close();
  }
  console.log(`close: ${closed.toFixed(0)} ms`);
  rmSync(directory, { recursive: true, force: true });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const only = process.env.PARTS?.split(",") ?? Object.keys(parts);
for (const name of only) await parts[name]!();
