/**
 * Compares answers to random PromQL expressions with a real Prometheus, looked for in PEERS_BIN, then in PATH:
 *
 *     node scripts/differential-fuzz.mjs --expressions 20000 --seed 7
 *
 * Prints each difference, made small, with its seed; ends with 1 when there is one. `--differences N` stops after
 * N of them (default 20); `--words` also prints where annotations and texts of errors differ; `--features a,b`
 * switches features on in both, as `promql-delayed-name-removal`.
 *
 * Compiles test/differential and what it uses with tsc into node_modules/.cache.
 */

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const output = join(root, "node_modules/.cache/narthex-differential");
const { values: options } = parseArgs({
  options: {
    expressions: { type: "string", default: "2000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    differences: { type: "string", default: "20" },
    features: { type: "string", default: "" },
    words: { type: "boolean", default: false },
  },
});

run(process.execPath, [join(root, "scripts/build.mjs"), "--kernels"]);
const tsc = join(root, "node_modules/.bin", process.platform === "win32" ? "tsc.cmd" : "tsc");
run(tsc, ["-p", join(root, "test/differential/tsconfig.json")], process.platform === "win32");
const load = (path) => import(pathToFileURL(join(output, "test", path)).href);
const { fuzz } = await load("differential/fuzz.js");
const { findPeer } = await load("support/peers.js");

const prometheus = findPeer("prometheus");
if (prometheus === undefined) {
  console.error("no prometheus: name its folder in PEERS_BIN, or put it into PATH");
  process.exit(2);
}
const seed = Number(options.seed);
console.log(`seed ${seed}`);
const began = performance.now();
const report = await fuzz({
  prometheus,
  expressions: Number(options.expressions),
  seed,
  features: options.features.split(",").filter((name) => name !== ""),
  differencesMax: Number(options.differences),
  onDifference: print,
  onProgress: ({ expressions, differences }) =>
    console.log(`${expressions} expressions, ${differences} differences`),
});
const seconds = (performance.now() - began) / 1000;
if (options.words) for (const words of report.otherWords.values()) console.log(`\n  other words: ${words}`);
const { expressions, errors, nonEmpty, changed, undetermined, differences } = report;
for (const [change, count] of changed) console.log(`changed since 3.5, ${count} times: ${change}`);
console.log(
  `\n${expressions} expressions in ${seconds.toFixed(0)} s: ${nonEmpty} with points, ${errors} errors,`,
  `${undetermined} undetermined by Prometheus itself, ${differences} differences (seed ${seed})`,
);
process.exitCode = differences === 0 ? 0 : 1;

function print({ original, query, difference }) {
  const { expression, start, end, stepMs } = query;
  const when =
    stepMs === 0 ? `at ${start / 1000}` : `from ${start / 1000} to ${end / 1000} by ${stepMs / 1000}`;
  console.log(`\n${expression}\n  ${when}\n  ${difference}\n  found as ${original.expression}`);
}

function run(command, args, shell = false) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", shell });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}
