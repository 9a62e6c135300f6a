/**
 * Feeds the readers of all push protocols with mutated and random bodies, for as long as it is told to:
 *
 *     node scripts/fuzz-push.mjs --bodies 2000000 --seed 7 --only influx,json
 *
 * Prints the first finding of each kind with its body; ends with 1 when there is one. What is checked: test/push-fuzz/fuzz.ts.
 *
 * Compiles test/push-fuzz and what it uses with tsc into node_modules/.cache.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const output = join(root, "node_modules/.cache/narthex-push-fuzz");
const { values: options } = parseArgs({
  options: {
    bodies: { type: "string", default: "200000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string" },
    findings: { type: "string", default: "1000" },
    compiled: { type: "boolean", default: false },
  },
});

if (!options.compiled) {
  run(process.execPath, [join(root, "scripts/build.mjs"), "--kernels"]);
  run(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "test/push-fuzz/tsconfig.json")]);
}
const load = (path) => import(pathToFileURL(join(output, path)).href);
const { fuzz } = await load("test/push-fuzz/fuzz.js");
const { fuzzedProtocols } = await load("test/push-fuzz/protocols.js");
const { seededRandom } = await load("test/support/seeded-random.js");
const { openDatabase } = await load("src/database.js");
const { buildApp } = await load("src/http/app.js");
const { systemClock } = await load("src/model/clock.js");

const seed = Number(options.seed);
console.log(`seed ${seed}`);
const random = seededRandom(seed);
const names = options.only?.split(",");
const protocols = (await fuzzedProtocols()).filter(({ name }) => names?.includes(name) ?? true);
const directory = mkdtempSync(join(tmpdir(), "narthex-fuzz-push-"));
const database = await openDatabase({ directory, durability: "none" });
const app = buildApp({
  database,
  clock: systemClock,
  version: "fuzz",
  onEvent: ({ message, facts }) => console.log(message, facts),
});
let found = 0;
const shown = new Set();
const onFinding = ({ protocol, body, problem }) => {
  if (++found > Number(options.findings)) return;
  const kind = `${protocol} ${problem.slice(0, 40)}`;
  if (shown.has(kind)) return;
  shown.add(kind);
  console.log(`\n${protocol}: ${problem}\n  ${JSON.stringify(body.toString("latin1").slice(0, 1500))}`);
};
const total = { bodies: 0, refused: 0, samples: 0, lost: 0, peakBytes: 0, statuses: new Map() };
const began = performance.now();
const perRound = 50_000;
let firstRssBytes = 0;
while (total.bodies < Number(options.bodies) && found <= Number(options.findings)) {
  const bodies = Math.min(perRound, Number(options.bodies) - total.bodies);
  const report = await fuzz({ protocols, random, bodies, app, onFinding });
  for (const key of ["bodies", "refused", "samples", "lost"]) total[key] += report[key];
  total.peakBytes = Math.max(total.peakBytes, report.peakBytes);
  for (const [status, count] of report.statuses)
    total.statuses.set(status, (total.statuses.get(status) ?? 0) + count);
  const { rss } = process.memoryUsage();
  firstRssBytes ||= rss;
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(
    `${total.bodies} bodies, ${total.refused} refused as a whole, ${total.samples} samples, ${total.lost} lost, ${found} findings;`,
    `memory ${mebibytes(rss)} MiB (${mebibytes(firstRssBytes)} at first), of one body ${mebibytes(total.peakBytes)};`,
    `HTTP ${JSON.stringify(Object.fromEntries(total.statuses))}; ${seconds} s`,
  );
}
await app.close();
await database.close();
rmSync(directory, { recursive: true, force: true });
process.exitCode = found === 0 ? 0 : 1;

function mebibytes(bytes) {
  return Math.round(bytes / 2 ** 20);
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}
