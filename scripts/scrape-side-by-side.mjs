/**
 * One real Prometheus and ours scrape the same real exporters, and targets that do what targets do at their worst, from one
 * configuration; programs are looked for in PEERS_BIN, then in PATH:
 *
 *     node scripts/scrape-side-by-side.mjs --minutes 10 --interval 1s --seed 7
 *
 * With `--random-jobs 40` there are so many jobs with random settings instead, and what they ask for is compared, too.
 *
 * Prints by name where samples, staleness markers, `up` or what scrapes report differ; ends with 1 when they do. On a machine
 * that is too slow for the interval, scrapes that were late are left out and counted.
 *
 * Builds dist, and compiles test/scrape-peers with tsc into node_modules/.cache; `--compiled` says that this has been done.
 */

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const output = join(root, "node_modules/.cache/narthex-scrape-peers");
const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    interval: { type: "string", default: "1s" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    "random-jobs": { type: "string" },
    compiled: { type: "boolean", default: false },
  },
});

if (!options.compiled) {
  run(process.execPath, [join(root, "scripts/build.mjs")]);
  run(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "test/scrape-peers/tsconfig.json")]);
}
const load = (path) => import(pathToFileURL(join(output, "test", path)).href);
const { scrapeSideBySide } = await load("scrape-peers/side-by-side.js");
const { findPeer } = await load("support/peers.js");

const missing = ["prometheus", "prometheus-node-exporter", "prometheus-pushgateway"].filter(
  (name) => findPeer(name) === undefined,
);
if (missing.length > 0) {
  console.error(`no ${missing.join(", no ")}: name their folder in PEERS_BIN, or put them into PATH`);
  process.exit(2);
}
const [, count, unit] = /^(\d+)(ms|s)$/.exec(options.interval) ?? [];
if (count === undefined) {
  console.error(`--interval is seconds or milliseconds, as 1s or 500ms, not "${options.interval}"`);
  process.exit(2);
}
const intervalMs = Number(count) * (unit === "s" ? 1000 : 1);
const seed = Number(options.seed);
const minutes = Number(options.minutes);
const randomJobs = options["random-jobs"] === undefined ? undefined : Number(options["random-jobs"]);
console.log(`seed ${seed}`);
const report = await scrapeSideBySide({
  prometheus: findPeer("prometheus"),
  narthex: join(root, "dist/cli/main.js"),
  ...{ seed, intervalMs },
  pages: Math.ceil((minutes * 60_000) / intervalMs),
  ...(randomJobs !== undefined && { randomJobs }),
  // A target that is gone ends some intervals later, and a Prometheus takes up to five seconds to see that it is back.
  turns:
    randomJobs === undefined ? Math.max(1, Math.floor((minutes * 60_000) / (20_000 + 10 * intervalMs))) : 0,
});
for (const difference of report.differences) console.log(difference);
for (const [name, count] of report.explained) console.log(`explained ${count} times: ${name}`);
const { scrapes, targets, samples, lateScrapes, differences } = report;
console.log(
  `${scrapes} scrapes of ${targets} targets, ${samples} samples, ${differences.length} differences;`,
  `${lateScrapes} scrapes were too late to be compared (seed ${seed})`,
);
if (scrapes === 0) console.error("nothing was compared: give it a quieter machine, or a longer --interval");
process.exitCode = differences.length === 0 && scrapes > 0 ? 0 : 1;

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}
