/**
 * Scraping: `npm run bench -- scrape`. 1,000 targets of 1,000 series each, every 15 s, from our server, a Prometheus and
 * a VictoriaMetrics, one after another on the same targets, which a process of its own serves: CPU time and memory, of
 * the minutes that follow a warm-up.
 *
 * `--quick` has 200 targets every 3 s: as many samples. `--only=narthex` chooses who scrapes, `--minutes=5` how long is
 * measured, `--targets=300` how many there are, `--form=openmetrics` what is served, `--gzip` lets targets compress. Peers
 * are looked for as the tests do, in PEERS_BIN and PATH. NODE_FLAGS go to our server's node. Needs Linux: /proc, and all of
 * 127.0.0.0/8.
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPeer } from "../../test/support/peers.js";
import type { RunningServer } from "../../test/support/processes.js";
import { cpuSecondsOf, memoryOf } from "../support/process-meters.js";
import {
  narthexScraper,
  prometheusScraper,
  type Scraper,
  type TargetPlan,
  victoriaMetricsScraper,
} from "../support/scrape-servers.js";

const isQuick = process.argv.includes("--quick");
const targets = Number(option("targets") ?? (isQuick ? 200 : 1000));
const intervalSeconds = isQuick ? 3 : 15;
const seriesPerTarget = 1000;
const minutes = Number(option("minutes") ?? (isQuick ? 0.5 : 3));
const form = option("form") ?? "text";
const isCompressed = process.argv.includes("--gzip");
const only = option("only")?.split(",");

const exporters = await startTargets();
const plan: TargetPlan = { targets, intervalSeconds, port: exporters.port };
const scrapers = [narthexScraper(plan), ...peers(plan)].filter(
  ({ name }) => only?.includes(name.toLowerCase()) ?? true,
);
console.log(
  `\n${targets} targets of ${seriesPerTarget} series every ${intervalSeconds} s, ${form}${isCompressed ? ", compressed" : ""};` +
    ` ${minutes} minutes after a warm-up; load ${loadavg()[0]!.toFixed(1)}\n`,
);
console.log("| | CPU-s a minute | µs a sample | RSS, MiB | of which anonymous | highest RSS | up |");
console.log("|---|---:|---:|---:|---:|---:|---:|");
try {
  for (const scraper of scrapers) await bench(scraper);
} finally {
  exporters.process.kill();
}

async function bench({ name, start }: Scraper): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "narthex-bench-scrape-"));
  let server: RunningServer | undefined;
  try {
    server = await start(directory);
    const pid = server.process.pid!;
    await pause(intervalSeconds * 2 + 5);
    const before = cpuSecondsOf(pid);
    const began = performance.now();
    await pause(minutes * 60);
    const cpuSeconds = cpuSecondsOf(pid) - before;
    const passed = (performance.now() - began) / 1000;
    const samples = (passed / intervalSeconds) * targets * seriesPerTarget;
    const memory = memoryOf(pid);
    const cells = [
      ((cpuSeconds / passed) * 60).toFixed(2),
      ((cpuSeconds / samples) * 1e6).toFixed(2),
      ...[memory.residentMiB, memory.anonymousMiB, memory.highestMiB].map((size) => size.toFixed(0)),
      String(await countUp(server.url)),
    ];
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  } finally {
    await server?.stop("SIGTERM");
    rmSync(directory, { recursive: true, force: true });
  }
}

function peers(plan: TargetPlan): Scraper[] {
  const prometheus = findPeer("prometheus");
  const victoriaMetrics = findPeer("victoria-metrics");
  for (const [name, path] of Object.entries({ prometheus, "victoria-metrics": victoriaMetrics }))
    if (path === undefined)
      console.log(`!! ${name} is neither in PEERS_BIN nor in PATH: measured without it`);
  return [
    ...(prometheus === undefined ? [] : [prometheusScraper(prometheus, plan)]),
    ...(victoriaMetrics === undefined ? [] : [victoriaMetricsScraper(victoriaMetrics, plan)]),
  ];
}

async function startTargets(): Promise<{ readonly port: number; readonly process: ChildProcess }> {
  const entry = fileURLToPath(new URL("../support/targets-process.js", import.meta.url));
  const args = [String(targets), String(seriesPerTarget), form, ...(isCompressed ? ["gzip"] : [])];
  const child = fork(entry, args);
  const [port] = (await once(child, "message")) as [number];
  return { port, process: child };
}

/** How many targets are up, as the server says itself: all, or the figures mean nothing. */
async function countUp(url: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/query?query=sum(up)`);
  const answer = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(answer.data.result[0]?.value[1] ?? 0);
}

function option(name: string): string | undefined {
  return process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
