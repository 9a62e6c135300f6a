/**
 * One real Prometheus and ours scrape the same targets from one configuration: real exporters, and targets that do what
 * their scripts say. What each scrape left is compared scrape by scrape; what depends on the moment (a target that goes
 * away and returns, a server that is down, a reload) by the states that followed one another.
 */

import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dice } from "../differential/dice.js";
import { freePort, query, type RunningServer } from "../support/processes.js";
import {
  alignedTo,
  type Difference,
  describeDifference,
  differencesOf,
  type ScrapeTrace,
  type TargetTrace,
  traceOf,
} from "./aligned-scrapes.js";
import { randomScript } from "./behaviours.js";
import { explanationOf } from "./explained.js";
import { type Page, PagedTargets, type Scraper } from "./paged-targets.js";
import { randomSettings } from "./random-settings.js";
import { type RawSeries, readOurs, readTheirs } from "./raw-samples.js";
import { noExporters, startExporters } from "./real-exporters.js";
import { relayedScript } from "./relayed-pages.js";
import { assertRuns, type PeerPrograms, startPair } from "./scrape-round.js";

export interface SideBySideOptions extends PeerPrograms {
  readonly seed: number;
  readonly intervalMs: number;
  /** Of each script. */
  readonly pages: number;
  /** How often targets go away and return. Without it there are no real exporters either. */
  readonly turns: number;
  /** Instead of jobs that stay the same: so many with random settings. */
  readonly randomJobs?: number;
}

export interface SideBySideReport {
  /** In words: where, and what each of them has. */
  readonly differences: readonly string[];
  /** That were compared one by one. */
  readonly scrapes: number;
  readonly samples: number;
  readonly targets: number;
  /** For which the machine was too slow: they were left out, as were the two after each. */
  readonly lateScrapes: number;
  readonly explained: ReadonlyMap<string, number>;
}

/** Jobs whose target plays a script of its own, and what they are configured with. */
const scriptedJobs: Readonly<Record<string, string>> = {
  plain: "",
  honored: "honor_labels: true",
  untimed: "honor_timestamps: false",
  tracked: "track_timestamps_staleness: true",
  small: "sample_limit: 20, body_size_limit: 2KB",
  short: "label_limit: 7, label_value_length_limit: 40",
  relabelled:
    "metric_relabel_configs: [{ source_labels: [__name__], regex: 'latency.*', action: drop }, { regex: zone, action: labeldrop }]",
  protobuf: "scrape_protocols: [PrometheusProto, PrometheusText0.0.4]",
  fallback: "fallback_scrape_protocol: PrometheusText0.0.4",
};

/** Of real exporters. */
const realKeys: Readonly<Record<string, string>> = { pushgateway: "honor_labels: true" };

/** Whose pages are always the same, and which are there or not. */
const comingJobs = ["listed", "refused", "reloaded"] as const;

const idlePage: Page = {
  name: "idle",
  answer: (response) => {
    response.shouldKeepAlive = false;
    response.setHeader("content-type", "text/plain").end('idle 1\nstill{label="first"} 2\n');
  },
};

export async function scrapeSideBySide(options: SideBySideOptions): Promise<SideBySideReport> {
  const directory = mkdtempSync(join(tmpdir(), "narthex-side-by-side-"));
  const exporters = options.turns === 0 ? noExporters : await startExporters();
  const closing: (() => unknown)[] = [
    () => rmSync(directory, { recursive: true, force: true }),
    exporters.stop,
  ];
  try {
    const stage = await Stage.set(directory, options, exporters.urls);
    closing.unshift(() => stage.close());
    for (let turn = 0; turn < options.turns; turn++) {
      await exporters.work();
      await stage.untilScraped(2);
      await Promise.all([stage.leave(turn), exporters.kill()]);
      await exporters.work();
      await stage.untilGone();
      await Promise.all([stage.comeBack(), exporters.revive()]);
      await stage.untilBack();
    }
    while (!stage.isPlayed()) {
      await exporters.work();
      await stage.wait();
    }
    return await stage.compare();
  } finally {
    for (const close of closing) await close();
  }
}

class Stage {
  readonly #directory: string;
  readonly #options: SideBySideOptions;
  readonly #jobs: readonly (readonly [name: string, keys: string])[];
  readonly #scripts: (readonly Page[])[];
  readonly #targets: PagedTargets;
  readonly #refusingPort: number;
  #refusing: Server | undefined;
  #servers: readonly RunningServer[] = [];

  private constructor(
    directory: string,
    options: SideBySideOptions,
    parts: { urls: Readonly<Record<string, string>>; refusingPort: number },
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#refusingPort = parts.refusingPort;
    const dice = new Dice(options.seed);
    // Of samples that bring their own: no scrape of ours that is in time has such a time.
    const now = Math.floor(Date.now() / 1000) * 1000 - 60_000 + 250;
    const real = Object.keys(parts.urls).map((name) => [name, realKeys[name] ?? ""] as const);
    const scripted =
      options.randomJobs === undefined
        ? Object.entries(scriptedJobs)
        : Array.from(
            { length: options.randomJobs },
            (_, i) => [`job${i}`, randomSettings(dice).join(", ")] as const,
          );
    this.#jobs = [...scripted, ...real];
    this.#scripts = this.#jobs.map(([name]) => {
      const url = parts.urls[name];
      return url === undefined ? randomScript(options.pages, dice, now) : relayedScript(url, options.pages);
    });
    this.#targets = new PagedTargets(this.#jobs.length + comingJobs.length, idlePage);
  }

  static async set(
    directory: string,
    options: SideBySideOptions,
    urls: Readonly<Record<string, string>>,
  ): Promise<Stage> {
    const stage = new Stage(directory, options, { urls, refusingPort: await freePort() });
    for (const [i, script] of stage.#scripts.entries()) stage.#targets.play(i, script);
    await stage.#targets.listen();
    await stage.#listenRefusing();
    stage.#list(true);
    stage.#configure("first");
    const { ours, theirs } = await startPair(options, {
      ...{ directory, configFile: stage.#configFile },
      features: ["extra-scrape-metrics"],
    });
    stage.#servers = [ours, theirs];
    return stage;
  }

  get #configFile(): string {
    return join(this.#directory, "prometheus.yml");
  }

  async wait(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#options.intervalMs / 2));
    for (const server of this.#servers) assertRuns(server);
  }

  /** Targets are taken out of the list, refuse connections, and get other labels by a reload. */
  async leave(turn: number): Promise<void> {
    this.#list(false);
    const refusing = this.#refusing!;
    refusing.closeAllConnections();
    await new Promise((resolve) => refusing.close(resolve));
    this.#configure(`turn ${turn}`);
    for (const server of this.#servers) await fetch(`${server.url}/-/reload`, { method: "POST" });
  }

  async comeBack(): Promise<void> {
    this.#list(true);
    await this.#listenRefusing();
  }

  /** At least `count` good scrapes of those that come and go, in a row, by both. */
  async untilScraped(count: number): Promise<void> {
    for (const job of comingJobs) await this.#until(job, (values) => endsWith(values, "1", count));
  }

  async untilGone(): Promise<void> {
    await this.#until("refused", (values) => endsWith(values, "0", 2));
    for (const server of this.#servers)
      while ((await query(server, "query", { query: 'up{job="listed"}' })).length > 0) await this.wait();
  }

  async untilBack(): Promise<void> {
    await this.untilScraped(2);
    for (const server of this.#servers)
      while ((await query(server, "query", { query: 'up{job="listed"}' })).length === 0) await this.wait();
  }

  isPlayed(): boolean {
    return this.#scripts.every((_, i) => this.#targets.isPlayed(i, 2));
  }

  async compare(): Promise<SideBySideReport> {
    await this.untilScraped(2);
    const [our, their] = this.#servers;
    const always = { from: 0, to: 2 ** 50 };
    const ours = byTarget(await readOurs(our!, join(this.#directory, "ours"), always));
    const theirs = byTarget(await readTheirs(their!, always));
    const differences: string[] = [];
    const explained = new Map<string, number>();
    let [scrapes, samples, lateScrapes] = [0, 0, 0];
    for (const [i, [job, keys]] of this.#jobs.entries()) {
      const late = new Set<number>();
      const traces = {
        ours: this.#traceOf(i, "ours", ours.get(job), late),
        theirs: this.#traceOf(i, "theirs", theirs.get(job), late),
      };
      const script = this.#scripts[i]!;
      const isCompared = (page: number) => page <= script.length && !isNearLate(late, traces, page);
      for (const [page, scrape] of traces.theirs.scrapes.entries()) {
        if (!isCompared(page)) continue;
        scrapes++;
        samples += scrape.size;
      }
      lateScrapes += late.size;
      const told = compareScripted({ script, late, traces, explained, keys });
      told.push(
        ...compareAsked(this.#targets.visits(i, "ours").asked, this.#targets.visits(i, "theirs").asked),
      );
      if (told.length > 0) differences.push(describeJob(`${job} (${keys})`, told));
    }
    const { intervalMs } = this.#options;
    for (const job of comingJobs)
      differences.push(
        ...compareStates(job, states(ours.get(job), intervalMs), states(theirs.get(job), intervalMs)),
      );
    const targets = this.#jobs.length;
    return { differences, scrapes, samples, targets, lateScrapes, explained };
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    this.#targets.close();
    this.#refusing?.close();
  }

  /** What one of the two made of each page of a target; `late` gets those for which the machine was too slow. */
  #traceOf(
    target: number,
    scraper: Scraper,
    series: readonly RawSeries[] | undefined,
    late: Set<number>,
  ): TargetTrace {
    const visits = this.#targets.visits(target, scraper);
    const { trace, unclear } = alignedTo(visits.times, traceOf(series ?? []));
    for (const scrape of [...visits.spoilt, ...unclear]) late.add(scrape);
    for (const [scrape, seconds] of trace.durations.entries()) {
      const isMeant = this.#scripts[target]![scrape]?.name.startsWith("hangs");
      if (isLate(seconds, this.#options.intervalMs) && !isMeant) late.add(scrape);
    }
    return trace;
  }

  async #until(job: string, holds: (values: readonly string[]) => boolean): Promise<void> {
    for (const server of this.#servers) {
      for (;;) {
        const [up] = await query(server, "query", { query: `up{job="${job}"}[1h]` });
        if (holds((up?.values ?? []).map(([, value]) => value))) break;
        await this.wait();
      }
    }
  }

  async #listenRefusing(): Promise<void> {
    this.#refusing = createServer((request, response) => idlePage.answer(response, request, "ours"));
    await new Promise<void>((listening) =>
      this.#refusing!.listen(this.#refusingPort, "127.0.0.1", listening),
    );
  }

  /** Written aside and renamed, so that nobody reads half of it. */
  #list(isThere: boolean): void {
    const path = `/${this.#jobs.length}`;
    const labels = { __metrics_path__: path, target: "listed" };
    const group = { targets: [this.#targets.address], labels };
    writeFileSync(join(this.#directory, "targets.new"), JSON.stringify(isThere ? [group] : []));
    renameSync(join(this.#directory, "targets.new"), join(this.#directory, "targets.json"));
  }

  #configure(label: string): void {
    const { intervalMs } = this.#options;
    const address = this.#targets.address;
    const job = (name: string, keys: string, targets: string) =>
      `  - { job_name: ${name}${keys === "" ? "" : `, ${keys}`}, ${targets} }`;
    const fixed = (name: string, at: string, path: number) =>
      `static_configs: [{ targets: ["${at}"], labels: { __metrics_path__: /${path}, target: ${name} } }]`;
    const relabelling = `metric_relabel_configs: [{ source_labels: [label], regex: first, target_label: label, replacement: '${label}' }]`;
    const count = this.#jobs.length;
    const text = [
      `global: { scrape_interval: ${intervalMs}ms, scrape_timeout: ${intervalMs}ms }`,
      "storage: { tsdb: { out_of_order_time_window: 1d } }",
      "scrape_configs:",
      ...this.#jobs.map(([name, keys], i) => job(name, keys, fixed(name, address, i))),
      job("listed", "", `file_sd_configs: [{ files: ["${join(this.#directory, "targets.json")}"] }]`),
      job("refused", "", fixed("refused", `127.0.0.1:${this.#refusingPort}`, count + 1)),
      job("reloaded", relabelling, fixed("reloaded", address, count + 2)),
      "",
    ];
    writeFileSync(this.#configFile, text.join("\n"));
  }
}

function endsWith(values: readonly string[], value: string, count: number): boolean {
  return values.length >= count && values.slice(-count).every((one) => one === value);
}

function byTarget(all: readonly RawSeries[]): ReadonlyMap<string, RawSeries[]> {
  const found = new Map<string, RawSeries[]>();
  for (const series of all) {
    const target = series.labels.target ?? "";
    const of = found.get(target);
    if (of === undefined) found.set(target, [series]);
    else of.push(series);
  }
  return found;
}

function isLate(durationSeconds: number, intervalMs: number): boolean {
  return durationSeconds * 1000 >= intervalMs * 0.9;
}

const toldMax = 8;

function describeJob(job: string, told: readonly string[]): string {
  const rest = told.length > toldMax ? [`and ${told.length - toldMax} more`] : [];
  return [job, ...told.slice(0, toldMax), ...rest].join("\n  ");
}

/**
 * What a scrape leaves depends on the good one before it, and on what that one made of the good one before; those that
 * failed in between change nothing of what is known.
 */
function isNearLate(late: ReadonlySet<number>, { ours, theirs }: Traces, page: number): boolean {
  if (late.has(page)) return true;
  const isGood = (at: number) => isUp(ours.scrapes[at]) && isUp(theirs.scrapes[at]);
  for (let before = page - 1, good = 0; before >= 0 && good < 2; before--) {
    if (late.has(before)) return true;
    if (isGood(before)) good++;
  }
  return false;
}

function isUp(scrape: ScrapeTrace = new Map()): boolean {
  return [...scrape].some(([name, value]) => name.startsWith("up{") && value === "1");
}

type Traces = Readonly<Record<Scraper, TargetTrace>>;

interface ScriptedScrapes {
  readonly script: readonly Page[];
  readonly late: ReadonlySet<number>;
  readonly traces: Traces;
  readonly explained: Map<string, number>;
  /** Of the job. */
  readonly keys: string;
}

function compareScripted({ script, late, traces, explained, keys }: ScriptedScrapes): string[] {
  const { ours, theirs } = traces;
  const found: string[] = [];
  const nothing: ScrapeTrace = new Map();
  const scrapes = { ours: ours.scrapes, theirs: theirs.scrapes };
  const tell = (place: string, beside: readonly Difference[], page?: number) => {
    for (const difference of beside) {
      const behaviour = page === undefined ? "" : (script[page]?.name ?? "");
      const name = explanationOf(difference, { pages: [], keys, behaviour, scrapes, page, beside });
      if (name === undefined) found.push(`${place}: ${describeDifference(difference)}`);
      else explained.set(name, (explained.get(name) ?? 0) + 1);
    }
  };
  for (let page = 0; page <= script.length; page++) {
    if (isNearLate(late, traces, page)) continue;
    const name = script[page]?.name ?? "after the script";
    const before = script[page - 1]?.name ?? "nothing";
    const differences = differencesOf(ours.scrapes[page] ?? nothing, theirs.scrapes[page] ?? nothing);
    tell(`scrape ${page}, "${name}" after "${before}"`, differences, page);
  }
  if (late.size > 0) return found;
  tell("times of samples' own", differencesOf(ours.elsewhere, theirs.elsewhere));
  return found;
}

function compareAsked(ours: ReadonlyMap<string, string>, theirs: ReadonlyMap<string, string>): string[] {
  return differencesOf(ours, theirs).map((difference) => `asked for: ${describeDifference(difference)}`);
}

/**
 * What one scrape left after another, without repetitions and without scrapes for which the machine was too slow; series may
 * have been new in one of those. An end that has a time of its own, as that of labels that a reload has changed, is due when the next scrape was: it counts with
 * the first one that is not clearly older.
 */
function states(series: readonly RawSeries[] | undefined, intervalMs: number): string[] {
  const { scrapes, times, elsewhere, durations } = traceOf(series ?? []);
  const inTime = [...times.keys()].filter((scrape) => !isLate(durations[scrape]!, intervalMs));
  const all = inTime.map((scrape) => new Map(scrapes[scrape]));
  for (const scrape of all)
    for (const [name, value] of scrape)
      if (name.startsWith("scrape_series_added{") && value !== "stale") scrape.set(name, "some");
  for (const [key, value] of elsewhere) {
    const [, name = "", at] = /^(.*) @(-?\d+)$/s.exec(key)!;
    const scrape = inTime.findIndex((index) => times[index]! >= Number(at) - intervalMs / 2);
    all.at(scrape)?.set(name, value);
  }
  const found: string[] = [];
  for (const scrape of all) {
    const state = [...scrape]
      .map(([name, value]) => `${name} ${value}`)
      .sort()
      .join("\n");
    if (state !== found.at(-1)) found.push(state);
  }
  return found;
}

function compareStates(job: string, ours: readonly string[], theirs: readonly string[]): string[] {
  const count = Math.max(ours.length, theirs.length);
  for (let i = 0; i < count; i++) {
    if (ours[i] === theirs[i]) continue;
    return [`${job}, state ${i}:\n  ours\n${ours[i] ?? "none"}\n  theirs\n${theirs[i] ?? "none"}`];
  }
  return [];
}
