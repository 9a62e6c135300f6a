/**
 * Builds Narthex: the AssemblyScript kernels into src/kernels/generated (only when a source changed), then the
 * library into dist. With --kernels, only the kernels.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const sources = join(root, "src/kernels/assembly");
const generated = join(root, "src/kernels/generated");

const kernelFlags = ["-O3", "--noAssert", "--runtime", "stub", "--enable", "simd"];

buildKernels();
if (!process.argv.includes("--kernels")) buildLibrary();

function buildLibrary() {
  run("tsc", ["-p", "tsconfig.json"]);
  removeOrphans();
  embedChevrotain();
  linkCommand();
}

/**
 * Lets the parser import Chevrotain as the one file that its package also has: its entry point loads some seven
 * hundred files of lodash, which takes longer than everything else at start (docs/decisions/0008).
 */
function embedChevrotain() {
  const library = join(root, "node_modules/chevrotain");
  const folder = join(root, "dist/query/parser");
  copyFileSync(join(library, "lib/chevrotain.min.mjs"), join(folder, "chevrotain.mjs"));
  copyFileSync(join(library, "LICENSE.txt"), join(folder, "chevrotain.LICENSE.txt"));
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
    const text = readFileSync(join(folder, file), "utf8");
    const embedded = text.replace(/from "chevrotain";/g, 'from "./chevrotain.mjs";');
    if (embedded !== text) writeFileSync(join(folder, file), embedded);
  }
}

/** So that `npx narthex` in a clone runs this build; without it npx installs the clone into a cache of its own. */
function linkCommand() {
  const command = join(root, "dist/cli/main.js");
  const link = join(root, "node_modules/.bin/narthex");
  chmodSync(command, 0o755);
  if (process.platform === "win32") return;
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), command), link);
}

/** What an earlier build made of a source that is gone. */
function removeOrphans() {
  for (const output of readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" })) {
    if (!/\.(?:js|d\.ts)$/.test(output)) continue;
    if (!existsSync(join(root, "src", output.replace(/\.(?:js|d\.ts)$/, ".ts"))))
      rmSync(join(root, "dist", output));
  }
}

/** Each assembly/NAME.ts that is no shared include (`_NAME.ts`) becomes generated/NAME.ts with the module as base64. */
function buildKernels() {
  mkdirSync(generated, { recursive: true });
  const files = readdirSync(sources).filter((file) => file.endsWith(".ts"));
  const shared = files
    .filter((file) => file.startsWith("_"))
    .map((file) => readFileSync(join(sources, file)));
  for (const file of files.filter((name) => !name.startsWith("_"))) {
    const text = readFileSync(join(sources, file));
    const inputs = [text, ...shared, kernelFlags.join(" ")];
    const hash = inputs.reduce((sum, input) => sum.update(input), createHash("sha256")).digest("hex");
    const stamp = `// ${hash}`;
    const target = join(generated, file);
    if (existsSync(target) && readFileSync(target, "utf8").startsWith(stamp)) continue;
    // Written aside and renamed, so that two builds at once do no harm.
    const wasm = join(generated, `${file}.${process.pid}.wasm`);
    run("asc", [join(sources, file), "--outFile", wasm, ...kernelFlags]);
    const base64 = readFileSync(wasm).toString("base64");
    writeFileSync(wasm, `${stamp}\nexport const wasmBase64 =\n  "${base64}";\n`);
    renameSync(wasm, target);
  }
}

function run(command, args) {
  const bin = join(root, "node_modules/.bin", process.platform === "win32" ? `${command}.cmd` : command);
  const result = spawnSync(bin, args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}
