/**
 * What pushes and queries feel of a merge of blocks and of a cut: latencies with nothing else going on, and during
 * each, with the merge on the main thread and on a thread of its own.
 *
 * The machine's other work lengthens all of these; "longest turn" counts the CPU time of the main thread only.
 *
 * A push is 2,000 samples, one every 50 ms; a query reads 8 series, one every 100 ms. A latency counts from the time
 * at which it was due, so that what waited while the event loop stood is not left out.
 */

import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { Database } from "../../src/api.js";
import { openDatabase } from "../../src/database.js";
import { systemClock } from "../../src/model/clock.js";
import { Labels } from "../../src/model/labels.js";
import { NO_SERIES, type SeriesRef } from "../../src/model/series.js";
import { increasingClock, ulidSource } from "../../src/storage/block/ulid.js";
import { cutBlocks, type SeriesColumns } from "../../src/storage/compaction/cut-blocks.js";
import { nodeFileSystem } from "../../src/storage/fs/node-file-system.js";
import { nodeSeriesLabels, nodeSeriesValue } from "../support/node-exporters.js";
import { mainThreadCpuMs, TurnWatch } from "../support/process-meters.js";

const seriesCount = Number(process.env.SERIES ?? 100_000);
const durability = process.env.DURABILITY === "commit" ? "commit" : "none";
/** Of a series in a window. */
const samplesPerSeries = Number(process.env.SAMPLES ?? 60);
const windowMs = 7_200_000;
/** Three windows that make one of six hours, and the one behind them. */
const start = Math.floor(Date.now() / (3 * windowMs)) * 3 * windowMs - 6 * windowMs;
const pushSize = 2000;
const pushedSeries = 10_000;

/** Every other series has a label that no other has, as containers do. */
function labelsOf(i: number): Labels {
  const labels = nodeSeriesLabels(i);
  if (i % 2 === 0) return labels;
  const pairs = Array.from({ length: labels.size }, (_, at) => [labels.nameAt(at), labels.valueAt(at)]);
  return Labels.from({ ...Object.fromEntries(pairs), container: `c${(i * 2_654_435_761) % 2 ** 32}` });
}

const allLabels = Array.from({ length: seriesCount }, (_, i) => labelsOf(i));

async function writeSources(directory: string): Promise<void> {
  const order = allLabels.map((_, i) => i).sort((a, b) => allLabels[a]!.compare(allLabels[b]!));
  const newUlid = ulidSource(increasingClock(systemClock, []), (size) => new Uint8Array(size).fill(7));
  for (let window = 0; window < 4; window++) {
    const samples = window === 3 ? 1 : samplesPerSeries;
    const times = Float64Array.from(
      { length: samples },
      (_, k) => start + window * windowMs + Math.floor((k * windowMs) / samplesPerSeries),
    );
    const series: Iterable<SeriesColumns> = {
      *[Symbol.iterator]() {
        for (const i of order) {
          const values = times.map((_, k) => nodeSeriesValue(i, window * samplesPerSeries + k));
          yield { labels: allLabels[i]!, columns: { times, values, length: samples } };
        }
      },
    };
    const options = { blockDurationMs: windowMs, samplesMax: 1e9, recentFrom: -Infinity, newUlid };
    await cutBlocks(nodeFileSystem, directory, series, options);
  }
}

/** Pushes and queries at fixed times until it is stopped. */
class Load {
  readonly pushes: number[] = [];
  readonly queries: number[] = [];
  readonly #db: Database;
  readonly #refs: SeriesRef[] = new Array<SeriesRef>(pushedSeries).fill(NO_SERIES);
  #pushed = 0;
  #isStopped = false;

  constructor(db: Database) {
    this.#db = db;
  }

  async run(): Promise<void> {
    await Promise.all([
      this.#every(50, this.pushes, () => this.#push()),
      this.#every(100, this.queries, () => this.#query()),
    ]);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #every(periodMs: number, latencies: number[], act: () => Promise<void>): Promise<void> {
    for (let due = performance.now() + periodMs; !this.#isStopped; due += periodMs) {
      const early = due - performance.now();
      await (early > 0 ? wait(early) : nextTurn());
      await act();
      latencies.push(performance.now() - due);
    }
  }

  async #push(): Promise<void> {
    const appender = this.#db.appender();
    const from = (this.#pushed++ * pushSize) % pushedSeries;
    const step = Math.floor((this.#pushed * pushSize) / pushedSeries);
    const time = start + 6 * windowMs + step * 100;
    for (let i = from; i < from + pushSize; i++)
      this.#refs[i] = appender.append(this.#refs[i]!, allLabels[i]!, time, nodeSeriesValue(i, step));
    await appender.commit();
  }

  async #query(): Promise<void> {
    const machine = Math.floor(this.queries.length % (seriesCount / 1000));
    const instance = `node-${machine}.rack-${machine % 40}.example.net:9100`;
    const expression = `sum by (mode) (rate(node_cpu_seconds_total{cpu="3",instance="${instance}"}[10m]))`;
    const time = start + ((this.queries.length * 7) % 300) * 60_000;
    await this.#db.query(expression, { time });
  }
}

async function underLoad(
  name: string,
  db: Database,
  work: () => Promise<unknown>,
): Promise<readonly string[]> {
  const load = new Load(db);
  const running = load.run();
  await wait(1000);
  load.pushes.length = 0;
  load.queries.length = 0;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const cpu = process.cpuUsage();
  const cpuOfMain = mainThreadCpuMs();
  const turns = new TurnWatch();
  const began = performance.now();
  delay.enable();
  await work();
  // What was late because of the work comes in behind it.
  await wait(200);
  const { longestMs, over10Ms } = turns.stop();
  delay.disable();
  load.stop();
  const seconds = (performance.now() - began) / 1000;
  await running;
  const mainSeconds = (mainThreadCpuMs() - cpuOfMain) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const figures = (latencies: readonly number[]) => {
    const sorted = latencies.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
    return `${at(0.5).toFixed(1)} / ${at(0.99).toFixed(1)} / ${at(1).toFixed(0)}`;
  };
  const loop = `${(delay.percentile(99) / 1e6).toFixed(1)} / ${(delay.max / 1e6).toFixed(0)}`;
  const cpuSeconds = `${mainSeconds.toFixed(1)} / ${((user + system) / 1e6).toFixed(1)}`;
  const longest = `${longestMs.toFixed(0)} / ${over10Ms}`;
  return [name, figures(load.pushes), figures(load.queries), loop, longest, seconds.toFixed(1), cpuSeconds];
}

async function round(sources: string, directory: string, workers: number): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  cpSync(sources, directory, { recursive: true });
  const lost: string[] = [];
  const options = { directory, durability, workers } as const;
  const db = await openDatabase({
    ...options,
    onEvent: ({ level, message }) => void (level !== "info" && lost.push(message)),
  });
  const where = workers === 0 ? "on the main thread" : "on a thread";
  if (workers === 0) print(await underLoad("nothing else", db, () => wait(4000)));
  print(await underLoad(`merge ${where}`, db, () => db.runMaintenance()));
  await db.close();
  if (lost.length > 0) console.log(lost.join("\n"));
}

/** All series at once in the head, three windows of them. */
async function cutRound(directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const db = await openDatabase({ directory, durability });
  const refs = new Array<SeriesRef>(seriesCount).fill(NO_SERIES);
  const steps = Math.max(4, Math.floor(samplesPerSeries / 2));
  for (let step = 0; step < steps; step++) {
    const time = start + Math.floor((step * 1.9 * windowMs) / steps);
    for (let from = 0; from < seriesCount; from += pushSize) {
      const appender = db.appender();
      for (let i = from; i < Math.min(from + pushSize, seriesCount); i++)
        refs[i] = appender.append(refs[i]!, allLabels[i]!, time, nodeSeriesValue(i, step));
      await appender.commit();
    }
  }
  print(await underLoad("cut", db, () => db.runMaintenance()));
  await db.close();
}

function print(cells: readonly string[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}

const parts = (process.env.PARTS ?? "merge,cut").split(",");
const home = mkdtempSync(join(tmpdir(), "narthex-bench-"));
const data = join(home, "data");
try {
  console.log(
    `${seriesCount} series, ${samplesPerSeries} samples of each in a window, durability ${durability}`,
  );
  print([
    "during",
    "push p50 / p99 / max, ms",
    "query",
    "event loop delay p99 / max",
    "longest turn, CPU ms / turns over 10",
    "seconds",
    "CPU s, main thread / all",
  ]);
  if (parts.includes("merge")) {
    const sources = join(home, "sources");
    mkdirSync(sources);
    await writeSources(sources);
    for (const workers of [0, 1]) await round(sources, data, workers);
  }
  if (parts.includes("cut")) await cutRound(data);
} finally {
  rmSync(home, { recursive: true, force: true });
}
