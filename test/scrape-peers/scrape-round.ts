/**
 * One round: a real Prometheus and ours, both with the same configuration, scrape targets that play scripts; what they
 * stored is compared scrape by scrape.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type RunningServer, start, startPrometheus } from "../support/processes.js";
import { type Difference, differencesOf, type TargetTrace, traceOf } from "./aligned-scrapes.js";
import type { ComparedScrapes } from "./explained.js";
import { type Page, PagedTargets } from "./paged-targets.js";
import { type RawSeries, readOurs, readTheirs } from "./raw-samples.js";

export interface PeerPrograms {
  /** The path of a Prometheus. */
  readonly prometheus: string;
  /** Of our built `main.js`. */
  readonly narthex: string;
}

export interface RoundOptions extends PeerPrograms {
  /** Of each target. */
  readonly scripts: readonly (readonly Page[])[];
  readonly intervalMs: number;
}

/** What is different about a target. */
export interface TargetOutcome {
  /** The machine was too slow for one of the scrapers: nothing was compared. */
  readonly isSpoilt: boolean;
  /** By page of the script; one more than it has pages stands for what came after it. */
  readonly pages: ReadonlyMap<number, readonly Difference[]>;
  readonly scrapes: ComparedScrapes;
  /** Of samples with times of their own. */
  readonly elsewhere: readonly Difference[];
}

/** The page after a script. */
const idlePage: Page = {
  name: "idle",
  answer: (response) => response.setHeader("content-type", "text/plain").end("idle 1\n"),
};

/** Samples of any time. */
const always = { from: -(2 ** 50), to: 2 ** 50 };

export async function playRound(options: RoundOptions): Promise<TargetOutcome[]> {
  const { scripts, intervalMs } = options;
  const directory = mkdtempSync(join(tmpdir(), "narthex-scrapes-"));
  const targets = new PagedTargets(scripts.length, idlePage);
  const running: RunningServer[] = [];
  try {
    await targets.listen();
    for (const [i, script] of scripts.entries()) targets.play(i, script);
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, configuration(targets.address, scripts.length, intervalMs));
    const pair = await startPair(options, { directory, configFile });
    running.push(pair.ours, pair.theirs);
    while (!scripts.every((_, i) => targets.isPlayed(i, 2))) {
      await sleep(100);
      for (const server of running) assertRuns(server);
    }
    const [ours, theirs] = [
      byInstance(await readOurs(pair.ours, join(directory, "ours"), always)),
      byInstance(await readTheirs(pair.theirs, always)),
    ];
    return scripts.map((script, i) => {
      const traces = { ours: traceOf(ours.get(`${i}`) ?? []), theirs: traceOf(theirs.get(`${i}`) ?? []) };
      const isSpoilt =
        targets.visits(i, "ours").spoilt.size > 0 ||
        targets.visits(i, "theirs").spoilt.size > 0 ||
        // All but the last scrape have been stored by now, unless a request was sent twice.
        traces.theirs.scrapes.length < targets.visits(i, "theirs").pages.length - 1 ||
        [traces.ours, traces.theirs].some(({ durations }) =>
          durations.some((seconds, page) => seconds * 1000 >= intervalMs * 0.9 && !script[page]?.isAbandoned),
        );
      return isSpoilt
        ? { isSpoilt, pages: new Map(), scrapes: { ours: [], theirs: [] }, elsewhere: [] }
        : compare(traces, script.length);
    });
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    targets.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface PairOptions {
  readonly directory: string;
  readonly configFile: string;
  readonly features?: readonly string[];
}

/** Both on one configuration, in folders `ours` and `theirs` of `directory`. */
export async function startPair(
  { prometheus, narthex }: PeerPrograms,
  { directory, configFile, features = [] }: PairOptions,
): Promise<{ readonly ours: RunningServer; readonly theirs: RunningServer }> {
  mkdirSync(join(directory, "theirs"));
  const address = `127.0.0.1:${await freePort()}`;
  const enabled = features.map((feature) => `--enable-feature=${feature}`);
  const flags = ["--web.enable-admin-api", "--web.enable-lifecycle", ...enabled];
  const folder = ["--data", join(directory, "ours"), "--config", configFile];
  const args = [narthex, "serve", ...folder, "--web.listen-address", address, ...flags];
  const ours = await start(process.execPath, args, `http://${address}`, "/-/ready");
  const theirDirectory = join(directory, "theirs");
  try {
    const theirs = await startPrometheus(prometheus, { directory: theirDirectory, configFile, flags });
    return { ours, theirs };
  } catch (error) {
    await ours.stop();
    throw error;
  }
}

/** Mutated pages have killed servers. */
export function assertRuns({ process, url }: RunningServer): void {
  if (process.exitCode !== null || process.signalCode !== null)
    throw new Error(`the server at ${url} has died: ${process.spawnargs.join(" ")}`);
}

/** Samples out of order are taken by both. */
function configuration(address: string, count: number, intervalMs: number): string {
  const targets = Array.from({ length: count }, (_, i) => {
    const labels = `{ __metrics_path__: "/${i}", instance: "${i}" }`;
    return `      - { targets: ["${address}"], labels: ${labels} }`;
  });
  const interval = `${intervalMs}ms`;
  return [
    `global: { scrape_interval: ${interval}, scrape_timeout: ${interval} }`,
    "storage: { tsdb: { out_of_order_time_window: 200y } }",
    "scrape_configs:",
    "  - job_name: t",
    "    static_configs:",
    ...targets,
    "",
  ].join("\n");
}

function byInstance(all: readonly RawSeries[]): ReadonlyMap<string, RawSeries[]> {
  const found = new Map<string, RawSeries[]>();
  for (const series of all) {
    const instance = series.labels.instance ?? "";
    const of = found.get(instance);
    if (of === undefined) found.set(instance, [series]);
    else of.push(series);
  }
  return found;
}

function compare(
  { ours, theirs }: { readonly ours: TargetTrace; readonly theirs: TargetTrace },
  pageCount: number,
): TargetOutcome {
  const pages = new Map<number, readonly Difference[]>();
  const nothing: ReadonlyMap<string, string> = new Map();
  for (let page = 0; page <= pageCount; page++) {
    const differences = differencesOf(ours.scrapes[page] ?? nothing, theirs.scrapes[page] ?? nothing);
    if (differences.length > 0) pages.set(page, differences);
  }
  const elsewhere = differencesOf(ours.elsewhere, theirs.elsewhere);
  return { isSpoilt: false, pages, scrapes: { ours: ours.scrapes, theirs: theirs.scrapes }, elsewhere };
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
