import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DiscoveryConfig } from "../../src/discovery/discovery-config.js";
import { readTextFile } from "../../src/local-files.js";
import { systemClock } from "../../src/model/clock.js";
import { InvalidArgumentError } from "../../src/model/errors.js";
import { Labels } from "../../src/model/labels.js";
import type { ScrapeConfig } from "../../src/scrape/scrape-config.js";
import { ScrapeManager } from "../../src/scrape/scrape-manager.js";
import { eventually } from "../support/eventually.js";
import { RecordingAppendable } from "../support/recording-appendable.js";
import { scrapeConfig } from "../support/scrape-config.js";

let server: Server;
let address: string;
let directory: string;
let database: RecordingAppendable;
let manager: ScrapeManager;
let problems: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "narthex-scrape-sd-"));
  database = new RecordingAppendable();
  problems = [];
  server = createServer((_, response) => response.setHeader("content-type", "text/plain").end("a 1\n"));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await manager.stop();
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

function start(...configs: readonly ScrapeConfig[]): void {
  manager = new ScrapeManager(configs, {
    appendable: database,
    clock: systemClock,
    version: "1",
    readFile: readTextFile,
    onFailure: (error) => problems.push(String(error)),
    onProblem: (problem) => problems.push(problem),
    onDiscoveryEvent: ({ message }) => problems.push(message),
  });
  manager.start();
}

const path = (name: string) => join(directory, name);
const filesOf = (name: string): DiscoveryConfig => ({
  kind: "file",
  files: [path(name)],
  refreshIntervalMs: 300_000,
});
const groupOf = (instance: string) => ({
  targets: [Labels.from({ __address__: address })],
  labels: Labels.from({ instance }),
});

function writeTargets(name: string, ...instances: string[]): void {
  const groups = instances.map((instance) => ({ targets: [address], labels: { instance } }));
  writeFileSync(path(name), JSON.stringify(groups));
}

/** Instances that are scraped, by job. */
function active(): string[] {
  return manager
    .pools()
    .flatMap(({ activeTargets }) =>
      activeTargets.map(({ labels }) => `${labels.get("job")}/${labels.get("instance")}`),
    );
}

const become = (...expected: string[]) => eventually(() => expect(active()).toEqual(expected));
const job = (changes: Partial<ScrapeConfig>) => scrapeConfig({ intervalMs: 200, timeoutMs: 200, ...changes });

describe("targets that are found", () => {
  it("are scraped beside the static ones, and loops of those that stay go on", async () => {
    writeTargets("a.json", "x", "y");
    start(job({ staticTargets: [{ address, labels: { instance: "s" } }], discoveries: [filesOf("a.json")] }));
    expect(active()).toEqual(["app/s"]);
    await become("app/s", "app/x", "app/y");
    await eventually(() => expect(database.samples.join()).toContain('a{instance="y", job="app"} 1'));
    const scraped = () =>
      manager.pools()[0]!.activeTargets.find(({ labels }) => labels.get("instance") === "y")!.lastScrape!;
    const before = scraped();
    writeTargets("a.json", "y", "z");
    await become("app/s", "app/y", "app/z");
    expect(scraped()).toBeGreaterThanOrEqual(before);
    expect(manager.pools()[0]!.discoveries).toMatchObject([{ kind: "file", targets: 2, failures: 0 }]);
    expect(problems).toEqual([]);
  });

  it("stay when a reload changes another job, and go with the discovery or the job", async () => {
    writeTargets("a.json", "x");
    writeTargets("b.json", "y");
    const first = job({ jobName: "one", discoveries: [filesOf("a.json")] });
    const second = job({ jobName: "two", discoveries: [filesOf("b.json")] });
    start(first, second);
    await become("one/x", "two/y");
    await manager.configure([first, { ...second, discoveries: [filesOf("a.json")] }]);
    expect(active()).toEqual(["one/x", "two/y"]);
    await become("one/x", "two/x");
    await manager.configure([first]);
    expect(active()).toEqual(["one/x"]);
  });

  it("that cannot be scraped are told once", async () => {
    writeFileSync(path("a.json"), '[{"targets": ["a/b"]}]');
    start(job({ discoveries: [filesOf("*.json")] }));
    await eventually(() => expect(problems).toHaveLength(1));
    writeTargets("b.json", "x");
    await become("app/x");
    expect(problems).toEqual([expect.stringContaining('"a/b" is not a valid hostname')]);
  });
});

describe("targets that the program adds", () => {
  it("are scraped until they are replaced, reloads notwithstanding", async () => {
    const one = job({ jobName: "one" });
    start(one);
    const added = manager.addTargets("one", [groupOf("x")]);
    const other = manager.addTargets("one", [groupOf("o")]);
    expect(active()).toEqual(["one/x", "one/o"]);
    await eventually(() => expect(database.samples.join()).toContain('a{instance="x", job="one"} 1'));
    added.replace([groupOf("x"), groupOf("y")]);
    expect(active()).toEqual(["one/x", "one/y", "one/o"]);
    await manager.configure([{ ...one, intervalMs: 300 }]);
    expect(active()).toEqual(["one/x", "one/y", "one/o"]);
    await manager.configure([]);
    await manager.configure([one]);
    expect(active()).toEqual(["one/x", "one/y", "one/o"]);
    added.replace([]);
    other.replace([]);
    expect(active()).toEqual([]);
  });

  it("need a job", () => {
    start(job({ jobName: "one" }));
    expect(() => manager.addTargets("two", [])).toThrow(InvalidArgumentError);
  });
});

describe("folders of text files", () => {
  it("are scraped as a target is: up, staleness, and what is wrong in the status", async () => {
    writeFileSync(path("good.prom"), "g 1\n");
    writeFileSync(path("gone.prom"), "b 1\n");
    const staticTargets = [{ address: "here", labels: { instance: "i", __scheme__: "file" } }];
    // A page that comes too late ends all series: a busy machine has time.
    const times = { intervalMs: 2500, timeoutMs: 2500 };
    start(job({ jobName: "batch", staticTargets, textfileDirectories: [directory], ...times }));
    const stored = () => database.samples.map((sample) => sample.replace(/ @\d+$/, ""));
    await eventually(() => expect(stored()).toContain('up{instance="i", job="batch"} 1'));
    expect(stored()).toContain('g{instance="i", job="batch"} 1');
    expect(stored()).toContain('node_textfile_scrape_error{instance="i", job="batch"} 0');
    writeFileSync(path("gone.prom"), "b one\n");
    await eventually(() => expect(stored()).toContain('b{instance="i", job="batch"} stale'));
    expect(stored()).toContain('node_textfile_scrape_error{instance="i", job="batch"} 1');
    const [target] = manager.pools()[0]!.activeTargets;
    expect(target?.health).toBe("up");
    expect(target?.lastError).toContain(path("gone.prom"));
    expect(stored()).not.toContain('g{instance="i", job="batch"} stale');
  });
});
