/**
 * Serves random and mutated pages to our scrape and to a real Prometheus, looked for in PEERS_BIN, then in PATH:
 *
 *     node scripts/scrape-exposition.mjs --pages 30000 --seed 7
 *
 * Prints each difference with the smallest pages that show it; ends with 1 when there is one. `--differences N` makes so
 * many of them small (default 20). `--interval MS` between pages of a target (default 1000), `--targets N` (default 250).
 *
 * Builds dist, and compiles test/scrape-peers with tsc into node_modules/.cache.
 */

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const output = join(root, "node_modules/.cache/narthex-scrape-peers");
const { values: options } = parseArgs({
  options: {
    pages: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    differences: { type: "string", default: "20" },
    interval: { type: "string", default: "1000" },
    targets: { type: "string", default: "250" },
    compiled: { type: "boolean", default: false },
  },
});

if (!options.compiled) {
  run(process.execPath, [join(root, "scripts/build.mjs")]);
  run(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "test/scrape-peers/tsconfig.json")]);
}
const load = (path) => import(pathToFileURL(join(output, "test", path)).href);
const { fuzzExposition } = await load("scrape-peers/exposition-fuzz.js");
const { findPeer } = await load("support/peers.js");

const prometheus = findPeer("prometheus");
if (prometheus === undefined) {
  console.error("no prometheus: name its folder in PEERS_BIN, or put it into PATH");
  process.exit(2);
}
const targets = Number(options.targets);
const pagesPerTargetMax = 50;
let left = Number(options.pages);
let differences = 0;
for (let seed = Number(options.seed); left > 0; seed++) {
  const pagesPerTarget = Math.min(pagesPerTargetMax, Math.ceil(left / targets));
  const began = performance.now();
  const report = await fuzzExposition({
    ...{ prometheus, narthex: join(root, "dist/cli/main.js") },
    ...{ seed, targets, pagesPerTarget, intervalMs: Number(options.interval) },
    withFixed: seed === Number(options.seed),
    shrunkMax: Number(options.differences),
    onDifference: print,
  });
  left -= report.pages;
  differences += report.differences;
  for (const [exception, count] of report.explained) console.log(`explained ${count} times: ${exception}`);
  for (const [change, count] of report.rewritten) console.log(`written otherwise ${count} times: ${change}`);
  console.log(
    `seed ${seed}: ${report.pages} pages (${report.mutated} mutated) in ${Math.round((performance.now() - began) / 1000)} s,`,
    `${report.differences} differences; ${report.spoiltTargets} of ${report.targets} targets too slow to compare`,
  );
}
process.exitCode = differences === 0 ? 0 : 1;

function print({ pages, differences: lines }) {
  console.log("");
  for (const { kind, bytes } of pages)
    console.log(
      `  ${kind} ${JSON.stringify(kind === "protobuf" ? bytes.toString("hex") : bytes.toString("latin1"))}`,
    );
  for (const line of lines.slice(0, 6)) console.log(`    ${line}`);
  if (lines.length > 6) console.log(`    and ${lines.length - 6} more`);
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}
