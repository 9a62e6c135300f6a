import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readTextFile } from "../../src/local-files.js";
import { Labels } from "../../src/model/labels.js";
import { RelabelConfig } from "../../src/relabel/relabel-config.js";
import type { ReadMemory } from "../../src/scrape/memory-pressure.js";
import type { ScrapeConfig } from "../../src/scrape/scrape-config.js";
import { ScrapeManager } from "../../src/scrape/scrape-manager.js";
import type { TargetStatus } from "../../src/scrape/status.js";
import { eventually } from "../support/eventually.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordingAppendable } from "../support/recording-appendable.js";
import { scrapeConfig } from "../support/scrape-config.js";

let server: Server;
let page: string;
let requests: number;
let database: RecordingAppendable;
let clock: FakeClock;
let manager: ScrapeManager | undefined;
let watched: { readMemory?: ReadMemory };
let problems: string[];

beforeEach(async () => {
  database = new RecordingAppendable();
  // Scrapes are due at whole milliseconds, and never when an interval of the test ends.
  clock = new FakeClock(1_000_000.5);
  page = "a 1\n";
  requests = 0;
  watched = {};
  problems = [];
  server = createServer((_, response) => {
    requests++;
    response.setHeader("content-type", "text/plain").end(page);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});

afterEach(async () => {
  await manager?.stop();
  manager = undefined;
  server.closeAllConnections();
  server.close();
});

const interval = 10_000;

/** Target `x` of the job, unless other ones are given. */
function job(changes: Partial<ScrapeConfig> = {}, names: readonly string[] = ["x"]): ScrapeConfig {
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const staticTargets = names.map((instance) => ({ address, labels: { instance } }));
  return scrapeConfig({ intervalMs: interval, timeoutMs: 5000, staticTargets, ...changes });
}

function start(...configs: readonly ScrapeConfig[]): ScrapeManager {
  const { readMemory } = watched;
  const options = {
    ...(readMemory && { readMemory }),
    appendable: database,
    clock,
    version: "1",
    readFile: readTextFile,
    onFailure: (error: unknown) => {
      throw error;
    },
    onProblem: (problem: string) => problems.push(problem),
    onDiscoveryEvent: () => {},
  };
  manager = new ScrapeManager(configs, options);
  manager.start();
  return manager;
}

/** Lets the time pass, from one thing that is due to the next: `scrapes` scrapes or ends of targets are stored. */
async function pass(scrapes: number, durationMs = interval): Promise<void> {
  const end = clock.now() + durationMs;
  const commits = database.commits;
  for (let due = clock.nextDue; due !== undefined && due <= end; due = clock.nextDue) {
    const before = database.commits;
    clock.advance(due - clock.now());
    for (let i = 0; database.commits === before && i < 50_000; i++) await new Promise(setImmediate);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  }
  clock.advance(end - clock.now());
  expect(database.commits - commits).toBe(scrapes);
}

/** Lets the time pass until all targets are so. */
async function become(scrapes: ScrapeManager, health: string, lastError: string): Promise<void> {
  const isSo = (target: TargetStatus) => target.health === health && target.lastError === lastError;
  for (let i = 0; !scrapes.pools().every(({ activeTargets }) => activeTargets.every(isSo)); i++) {
    expect(i).toBeLessThan(5000);
    clock.advance(500);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  }
}

function stale(): string[] {
  return database.samples.splice(0).filter((sample) => sample.includes("stale"));
}

describe("a target that is gone", () => {
  it("ends at the time of its next scrape, after another interval and a tenth", async () => {
    const scrapes = start(job());
    await pass(1);
    const last = scrapes.pools()[0]!.activeTargets[0]!.lastScrape!;
    await scrapes.configure([job({}, [])]);
    expect(scrapes.pools()[0]!.activeTargets).toEqual([]);
    const waitMs = last + 2 * interval + interval / 10 - clock.now();
    await pass(0, waitMs - 1);
    expect(stale()).toEqual([]);
    await pass(1, 1);
    const time = last + interval;
    expect(stale()).toEqual(
      [
        ...["a", "up", "scrape_duration_seconds", "scrape_samples_scraped"],
        ...["scrape_samples_post_metric_relabeling", "scrape_series_added"],
      ].map((name) => `${name}{instance="x", job="app"} stale @${time}`),
    );
    expect(clock.nextDue).toBeUndefined();
  });

  it("ends with its job", async () => {
    const scrapes = start(job(), job({ jobName: "other" }));
    await pass(2);
    await scrapes.configure([job()]);
    expect(scrapes.pools().map(({ jobName }) => jobName)).toEqual(["app"]);
    await pass(4, 3 * interval);
    expect(stale()).toContainEqual(expect.stringMatching(/^a\{instance="x", job="other"\} stale/));
    expect(requests).toBe(5);
    // Its connection, too.
    const connections = promisify(server.getConnections.bind(server));
    await eventually(async () => expect(await connections()).toBe(1));
  });

  it("and comes back while its job is said anew has one loop", async () => {
    const scrapes = start(job({}, []));
    const [{ address, labels } = { address: "", labels: {} }] = job().staticTargets;
    const groups = [{ targets: [Labels.from({ __address__: address })], labels: Labels.from(labels) }];
    const added = scrapes.addTargets("app", groups);
    await pass(1);
    const configured = scrapes.configure([job({ samplesMax: 7 }, [])]);
    added.replace([]);
    added.replace(groups);
    await configured;
    // Three scrapes, and the end of the loop that there was.
    await pass(4, 3 * interval);
    expect(requests).toBe(4);
  });

  it("shows the labels with which it was found last", async () => {
    const found = (rack: string) => {
      const staticTargets = job().staticTargets.map((target) => ({
        ...target,
        labels: { ...target.labels, __meta_rack: rack },
      }));
      return [job({ staticTargets })];
    };
    const scrapes = start(...found("1"));
    await pass(1);
    await scrapes.configure(found("2"));
    const [target] = scrapes.pools()[0]!.activeTargets;
    expect(target!.discoveredLabels.get("__meta_rack")).toBe("2");
    expect(target!.health).toBe("up");
  });

  it("does not end when it is there again, except for what it no longer has", async () => {
    page = "a 1\nb 1\n";
    const scrapes = start(job());
    await pass(1);
    await scrapes.configure([job({}, [])]);
    page = "a 2\n";
    await scrapes.configure([job()]);
    await pass(4, 3 * interval);
    expect(stale()).toEqual([expect.stringMatching(/^b\{instance="x", job="app"\} stale/)]);
  });

  it("does not end when the server does", async () => {
    const scrapes = start(job());
    await pass(1);
    await scrapes.configure([]);
    await scrapes.stop();
    expect(clock.nextDue).toBeUndefined();
    expect(stale()).toEqual([]);
  });
});

describe("a reload", () => {
  it("leaves loops alone whose targets and ways are the same", async () => {
    const scrapes = start(job());
    await pass(1);
    const due = clock.nextDue;
    const [before] = scrapes.pools()[0]!.activeTargets;
    await scrapes.configure([job({}, ["x", "y"])]);
    expect(scrapes.pools()[0]!.activeTargets[0]!.labels).toBe(before!.labels);
    await scrapes.configure([job({ droppedTargetsMax: 3 })]);
    expect(scrapes.pools()[0]!.activeTargets[0]!.labels).toBe(before!.labels);
    expect(clock.nextDue).toBe(due);
  });

  it("begins loops anew that are said otherwise, without ends, and without forgetting", async () => {
    page = "a 1\nb 1\n";
    const scrapes = start(job());
    await pass(1);
    await scrapes.configure([job({ samplesMax: 100 })]);
    page = "a 1\n";
    await pass(1);
    expect(stale()).toEqual([expect.stringMatching(/^b\{/)]);
    const rename = new RelabelConfig({ targetLabel: "new", replacement: "1" });
    await scrapes.configure([job({ metricRelabelConfigs: [rename] })]);
    await pass(1);
    expect(database.samples[0]).toMatch(/^a\{instance="x", job="app", new="1"\} 1 @/);
    expect(stale()).toEqual([]);
  });

  it("ends series that get other labels, at the time of the next scrape", async () => {
    const scrapes = start(job());
    await pass(1);
    const last = scrapes.pools()[0]!.activeTargets[0]!.lastScrape!;
    const rename = new RelabelConfig({
      sourceLabels: ["__name__"],
      regex: "a",
      targetLabel: "new",
      replacement: "1",
    });
    await scrapes.configure([job({ metricRelabelConfigs: [rename] })]);
    await pass(4, 3 * interval);
    expect(stale()).toEqual([`a{instance="x", job="app"} stale @${last + interval}`]);
    await scrapes.stop();
    expect(clock.nextDue).toBeUndefined();
  });
});

describe("target_limit", () => {
  it("fails all targets of the job while there are more, and asks none", async () => {
    const scrapes = start(job({ targetsMax: 1 }, ["x", "y"]));
    await pass(2);
    expect(requests).toBe(0);
    const statuses = scrapes.pools()[0]!.activeTargets;
    const lastError = "the job has 2 targets, more than target_limit, 1";
    expect(statuses).toMatchObject([
      { health: "down", lastError },
      { health: "down", lastError },
    ]);
    expect(database.samples.filter((sample) => sample.startsWith("up"))).toHaveLength(2);
    expect(scrapes.counts.limits).toEqual(new Map([["targets", 2]]));
    await scrapes.configure([job({ targetsMax: 1 })]);
    await pass(1);
    expect(scrapes.pools()[0]!.activeTargets).toMatchObject([{ health: "up" }]);
  });
});

describe("memory pressure", () => {
  it("skips scrapes with a reason, asks nobody, and ends", async () => {
    let usedBytes = 0;
    const limitBytes = 2 ** 30;
    watched.readMemory = () => [{ name: "the heap", usedBytes, limitBytes, fullAt: 0.9 }];
    const scrapes = start(job());
    const skipped = "skipped: memory is short: the heap has 1024 of 1024 MiB";
    await become(scrapes, "up", "");
    usedBytes = limitBytes;
    await become(scrapes, "down", skipped);
    expect(database.samples.filter((sample) => sample.startsWith("up")).at(-1)).toMatch(/ 0 @/);
    expect(scrapes.counts.limits).toEqual(new Map([["memory", 1]]));
    const asked = requests;
    await scrapes.configure([job({ samplesMax: 9 }), job({ jobName: "new" })]);
    await become(scrapes, "down", skipped);
    expect(scrapes.counts.limits.get("memory")).toBeGreaterThan(1);
    expect(requests).toBe(asked);
    usedBytes = 0;
    await become(scrapes, "up", "");
    expect(problems).toEqual([`scrapes are ${skipped}`, "scrapes go on: memory is free again"]);
  });
});

describe("a folder that does not answer", () => {
  it("is down at its timeout", async () => {
    const directory = mkdtempSync(join(tmpdir(), "narthex-folder-"));
    const pipe = join(directory, "x.prom");
    expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
    const scrapes = start(job({ textfileDirectories: [directory] }));
    await become(scrapes, "down", "the files were not read within the timeout of 5s");
    // Whoever waits for the pipe is let go.
    for (let isOpen = false; !isOpen; ) {
      try {
        closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
        isOpen = true;
      } catch {
        clock.advance(50);
        await new Promise(setImmediate);
      }
    }
    await become(scrapes, "up", "");
    rmSync(directory, { recursive: true });
  });
});
