/**
 * Kills a server with -9 again and again in the middle of pushes, deletions, cuts and compactions, restarts it on
 * the same data, and checks that everything acknowledged is so: samples are there, what was deleted is not, no push
 * is there in part, and `narthex check` finds nothing broken.
 *
 *   node scripts/kill-test.mjs [--rounds 20] [--writers 4] [--seed N]
 *
 * Exit code 0: nothing was lost. The build must be up to date (`npm run build`). The seed repeats the traffic, not
 * the moments of the kills.
 *
 * Each writer has a series of its own, one request at a time, and slots of time: a push fills one slot. Some slots
 * are left out at first and filled later, so that a part of the traffic is out of order. The last writer also
 * deletes ranges of slots, and fills some of these again. What must be readable of a slot:
 *
 *   there      all of it: the push was acknowledged, or all of it was seen after a restart
 *   gone       nothing: the deletion was acknowledged, or nothing was seen after a restart
 *   unknown    all or nothing: a push that was not acknowledged
 *   loose      anything: a deletion that was not acknowledged
 */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const scripts = dirname(fileURLToPath(import.meta.url));
const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    writers: { type: "string", default: "4" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const rounds = Number(flags.rounds);
const samplesPerPush = 10;
const sampleIntervalMs = 100;
const slotMs = samplesPerPush * sampleIntervalMs;
const baseTime = Date.UTC(2026, 0, 1);
/** A kill comes after so many answers at most, and so much later at most: a busy machine does no less in a round. */
const answersMax = 200;
const lastMomentsMs = 40;
/** So many rounds from one `narthex check` to the next. */
const roundsPerCheck = 10;
let randomState = Number(flags.seed);
/** Requests that were answered, in all rounds. */
let answers = 0;

const writers = Array.from({ length: Number(flags.writers) }, (_, id) => ({
  series: `kill_total{writer="${id}"}`,
  deletes: id === Number(flags.writers) - 1,
  /** Slot to state. A slot that is not in here was never pushed. */
  states: new Map(),
  newestSlot: 0,
  /** Slots to be filled out of order. */
  leftOut: [],
}));
const done = { pushes: 0, late: 0, deletions: 0, cleanings: 0, cuts: 0, compactions: 0 };
const directory = mkdtempSync(join(tmpdir(), "narthex-kill-"));
console.log(`seed ${flags.seed}, ${rounds} rounds, ${writers.length} writers`);

/** What is wrong, in words. */
const problems = [];
try {
  for (let round = 1; round <= rounds && problems.length === 0; round++) await playRound(round);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
for (const line of problems.slice(0, 20)) console.log(`  ${line}`);
console.log(
  Object.entries(done)
    .map(([what, count]) => `${count} ${what}`)
    .join(", "),
);
console.log(problems.length > 0 ? "BROKEN" : `nothing lost after ${rounds} kills`);
process.exit(problems.length > 0 ? 1 : 0);

async function playRound(round) {
  const server = await startServer();
  const before = { ...done };
  const enough = answers + 1 + random() * answersMax;
  const pushing = Promise.all(writers.map((writer) => writeUntilKilled(server.url, writer)));
  await Promise.race([pushing, waitForAnswers(enough)]);
  await pause(random() * lastMomentsMs);
  await server.kill();
  await pushing;
  if (round % roundsPerCheck === 0 || round === rounds) await runCheck();
  const restarted = await startServer();
  await compareAll(restarted.url);
  await restarted.kill();
  const gained = Object.entries(done).map(([what, count]) => `${count - before[what]} ${what}`);
  console.log(`round ${round}: ${gained.join(", ")}, killed, restarted in ${restarted.startMs} ms`);
}

async function waitForAnswers(count) {
  while (answers < count) await pause(1);
}

async function startServer() {
  const started = performance.now();
  const child = spawn(process.execPath, [join(scripts, "kill-test-server.mjs"), directory], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const output = [];
  const url = await new Promise((resolve, reject) => {
    const look = (line) => {
      output.push(line);
      if (line.includes("cut the head into blocks")) done.cuts++;
      if (line.includes("compacted blocks")) done.compactions++;
      if (line.startsWith("error")) problems.push(line);
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

async function runCheck() {
  const child = spawn(process.execPath, [join(scripts, "../dist/cli/main.js"), "check", directory], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = [];
  child.stdout.on("data", (text) => output.push(text));
  child.stderr.on("data", (text) => output.push(text));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) problems.push(`narthex check ends with ${code}:\n${output.join("")}`);
}

async function writeUntilKilled(url, writer) {
  try {
    for (;;) {
      if (writer.deletes && random() < 0.1) await deleteSlots(url, writer);
      else if (writer.deletes && random() < 0.02) await clean(url);
      else await fillSlot(url, writer);
    }
  } catch (error) {
    // The connection broke: killed.
    if (!(error instanceof TypeError)) throw error;
  }
}

async function fillSlot(url, writer) {
  const slot = chooseSlot(writer);
  const before = writer.states.get(slot);
  if (before === undefined || before === "gone") writer.states.set(slot, "unknown");
  let body = "";
  for (let i = 0; i < samplesPerPush; i++)
    body += `${writer.series} ${valueAt(slot, i)} ${timeAt(slot, i)}\n`;
  try {
    await post(`${url}/api/v1/import/prometheus`, body);
  } catch (error) {
    // Pushed once more, as a client would.
    writer.leftOut.push(slot);
    throw error;
  }
  writer.states.set(slot, "there");
  done.pushes++;
  if (slot < writer.newestSlot) done.late++;
}

/** The next slot, or one that was left out. Some slots are left out, for a while or for good. */
function chooseSlot(writer) {
  if (writer.leftOut.length > 0 && random() < 0.25)
    return writer.leftOut.splice(Math.floor(random() * writer.leftOut.length), 1)[0];
  while (random() < 0.2) writer.leftOut.push(++writer.newestSlot);
  return ++writer.newestSlot;
}

/** Deletes some of the last slots, or some of all. */
async function deleteSlots(url, writer) {
  const span = random() < 0.5 ? 40 : writer.newestSlot;
  const last = Math.max(0, writer.newestSlot - Math.floor(random() * span));
  const first = Math.max(0, last - Math.floor(random() * 5));
  const slots = [...writer.states.keys()].filter((slot) => slot >= first && slot <= last);
  for (const slot of slots) if (writer.states.get(slot) !== "gone") writer.states.set(slot, "loose");
  const parameters = new URLSearchParams({
    "match[]": writer.series,
    start: String(timeAt(first, 0) / 1000),
    end: String(timeAt(last, samplesPerPush - 1) / 1000),
  });
  await post(`${url}/api/v1/admin/tsdb/delete_series?${parameters}`);
  for (const slot of slots) {
    writer.states.set(slot, "gone");
    if (random() < 0.3 && !writer.leftOut.includes(slot)) writer.leftOut.push(slot);
  }
  done.deletions++;
}

async function clean(url) {
  await post(`${url}/api/v1/admin/tsdb/clean_tombstones`);
  done.cleanings++;
}

/** Throws TypeError when the connection breaks. */
async function post(url, body) {
  const response = await fetch(url, { method: "POST", body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: status ${response.status}: ${text}`);
  answers++;
}

function timeAt(slot, i) {
  return baseTime + slot * slotMs + i * sampleIntervalMs;
}

function valueAt(slot, i) {
  return slot * samplesPerPush + i;
}

/** Finds what is there and should not be, or should be and is not. What is seen now must be seen from now on. */
async function compareAll(url) {
  for (const writer of writers) {
    const { states, series } = writer;
    const stored = await readSlots(url, writer);
    for (const slot of stored.keys())
      if (!states.has(slot)) problems.push(`${series}: slot ${slot} was never pushed, and is there`);
    for (const [slot, state] of states) {
      const present = stored.get(slot) ?? 0;
      const isWhole = present === samplesPerPush;
      const isRight =
        state === "loose" ||
        (state === "there" && isWhole) ||
        (state === "gone" && present === 0) ||
        (state === "unknown" && (isWhole || present === 0));
      if (!isRight) problems.push(`${series}: slot ${slot} is "${state}", but has ${present} samples`);
      if (isWhole) states.set(slot, "there");
      else if (present === 0) states.set(slot, "gone");
    }
  }
}

/** How many samples each slot has. */
async function readSlots(url, { series, newestSlot }) {
  const range = (newestSlot + 2) * slotMs;
  const query = new URLSearchParams({
    query: `${series}[${range}ms]`,
    time: String((baseTime + (newestSlot + 1) * slotMs) / 1000),
  });
  const response = await fetch(`${url}/api/v1/query?${query}`);
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(JSON.stringify(answer));
  const slots = new Map();
  for (const [seconds, value] of answer.data.result[0]?.values ?? []) {
    const index = (Math.round(seconds * 1000) - baseTime) / sampleIntervalMs;
    if (Number(value) !== index) problems.push(`${series}: at ${seconds} there is ${value}, not ${index}`);
    const slot = Math.floor(index / samplesPerPush);
    slots.set(slot, (slots.get(slot) ?? 0) + 1);
  }
  return slots;
}

/** Mulberry32. */
function random() {
  randomState = (randomState + 0x6d2b79f5) | 0;
  let t = Math.imul(randomState ^ (randomState >>> 15), 1 | randomState);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
