/**
 * Kills a server with -9 again and again in the middle of pushes, restarts it on the same data, and checks that
 * every acknowledged sample is there, and that no push is there in part.
 *
 *   node scripts/kill-test.mjs [--rounds 20] [--writers 4] [--seed N]
 *
 * Exit code 0: nothing was lost. The build must be up to date (`npm run build`).
 */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const main = join(dirname(fileURLToPath(import.meta.url)), "../dist/cli/main.js");
const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    writers: { type: "string", default: "4" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const samplesPerPush = 50;
const baseTime = Date.UTC(2026, 0, 1);
let randomState = Number(flags.seed);

/** One writer pushes batches to its own series; a batch is acknowledged, or its fate is unknown. */
const writers = Array.from({ length: Number(flags.writers) }, (_, id) => ({
  id,
  batches: 0,
  acknowledged: new Set(),
}));
const directory = mkdtempSync(join(tmpdir(), "narthex-kill-"));
console.log(`seed ${flags.seed}, ${flags.rounds} rounds, ${writers.length} writers`);

let failed = false;
try {
  for (let round = 1; round <= Number(flags.rounds) && !failed; round++) failed = !(await playRound(round));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
const total = writers.reduce((sum, { acknowledged }) => sum + acknowledged.size * samplesPerPush, 0);
console.log(
  failed
    ? "LOST SAMPLES"
    : `nothing lost: ${total} acknowledged samples are there after ${flags.rounds} kills`,
);
process.exit(failed ? 1 : 0);

async function playRound(round) {
  const server = await startServer();
  const ready = performance.now();
  const missing = await findMissing(server.url);
  const checkMs = Math.round(performance.now() - ready);
  if (missing.length > 0) {
    for (const line of missing.slice(0, 20)) console.log(`  ${line}`);
    await server.kill();
    return false;
  }
  const before = countAcknowledged();
  const pushing = Promise.all(writers.map((writer) => pushUntilKilled(server.url, writer)));
  await new Promise((resolve) => setTimeout(resolve, 100 + random() * 900));
  await server.kill();
  await pushing;
  const gained = countAcknowledged() - before;
  console.log(
    `round ${round}: started in ${server.startMs} ms, checked in ${checkMs} ms, ${gained} pushes acknowledged, killed`,
  );
  if (round < Number(flags.rounds)) return true;
  const last = await startServer();
  const lost = await findMissing(last.url);
  for (const line of lost.slice(0, 20)) console.log(`  ${line}`);
  await last.kill();
  return lost.length === 0;
}

async function startServer() {
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [main, "serve", "--data", directory, "--web.listen-address", "127.0.0.1:0"],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const output = [];
  const url = await new Promise((resolve, reject) => {
    const look = (line) => {
      output.push(line);
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
      if (match !== null) resolve(match[0]);
    };
    createInterface({ input: child.stdout }).on("line", look);
    createInterface({ input: child.stderr }).on("line", look);
    child.once("exit", () => reject(new Error(`the server did not start:\n${output.join("\n")}`)));
  });
  const kill = () => {
    child.kill("SIGKILL");
    return exited;
  };
  return { url, kill, startMs: Math.round(performance.now() - started) };
}

async function pushUntilKilled(url, writer) {
  for (;;) {
    const batch = writer.batches++;
    let body = "";
    for (let i = 0; i < samplesPerPush; i++) {
      const index = batch * samplesPerPush + i;
      body += `kill_total{writer="${writer.id}"} ${index} ${baseTime + index}\n`;
    }
    try {
      const response = await fetch(`${url}/api/v1/import/prometheus`, { method: "POST", body });
      if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
      writer.acknowledged.add(batch);
    } catch (error) {
      if (error instanceof TypeError) return; // The connection broke: killed.
      throw error;
    }
  }
}

/** What should be there and is not, or is there and should not be, in words. */
async function findMissing(url) {
  const problems = [];
  for (const writer of writers) {
    const stored = await readSamples(url, writer);
    for (let batch = 0; batch < writer.batches; batch++) {
      let present = 0;
      for (let i = 0; i < samplesPerPush; i++) {
        const index = batch * samplesPerPush + i;
        const value = stored.get(baseTime + index);
        if (value === index) present++;
        else if (value !== undefined) problems.push(`writer ${writer.id}: sample ${index} reads ${value}`);
      }
      if (writer.acknowledged.has(batch) && present !== samplesPerPush) {
        problems.push(
          `writer ${writer.id}: batch ${batch} was acknowledged, ${present} of ${samplesPerPush} are there`,
        );
      } else if (present !== 0 && present !== samplesPerPush) {
        problems.push(
          `writer ${writer.id}: batch ${batch} is there in part: ${present} of ${samplesPerPush}`,
        );
      }
    }
  }
  return problems;
}

async function readSamples(url, writer) {
  const samples = new Map();
  if (writer.batches === 0) return samples;
  const end = baseTime + writer.batches * samplesPerPush;
  const range = writer.batches * samplesPerPush + 1;
  const query = new URLSearchParams({
    query: `kill_total{writer="${writer.id}"}[${range}ms]`,
    time: String(end / 1000),
  });
  const response = await fetch(`${url}/api/v1/query?${query}`);
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(JSON.stringify(answer));
  for (const series of answer.data.result) {
    for (const [time, value] of series.values) samples.set(Math.round(time * 1000), Number(value));
  }
  return samples;
}

function countAcknowledged() {
  return writers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
}

/** Mulberry32. */
function random() {
  randomState = (randomState + 0x6d2b79f5) | 0;
  let t = Math.imul(randomState ^ (randomState >>> 15), 1 | randomState);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
