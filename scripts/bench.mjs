/**
 * Runs the benchmarks: `npm run bench`, or `npm run bench -- xor crc32c` for those whose path has such a word.
 * Flags, as `--quick`, are handed on to them.
 *
 * Compiles bench/ and what it measures with tsc into node_modules/.cache, then runs each file in a process of
 * its own, so that none is measured on code that another has warmed up or spoilt.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
// Of this run alone: two may be under way.
const output = join(root, "node_modules/.cache/narthex-bench", String(process.pid));
process.once("exit", () => rmSync(output, { recursive: true, force: true }));
const words = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const flags = process.argv.slice(2).filter((word) => word.startsWith("-"));

const files = readdirSync(join(root, "bench"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".bench.ts"))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort();
if (files.length === 0) fail(`no benchmark has one of: ${words.join(", ")}`);

run(process.execPath, [join(root, "scripts/build.mjs"), "--kernels"]);
const tsc = join(root, "node_modules/.bin", process.platform === "win32" ? "tsc.cmd" : "tsc");
run(tsc, ["-p", join(root, "bench/tsconfig.json"), "--outDir", output], process.platform === "win32");
for (const file of files)
  run(process.execPath, [join(output, "bench", file.replace(/\.ts$/, ".js")), ...flags]);

function run(command, args, shell = false) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", shell });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
