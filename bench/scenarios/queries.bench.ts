/**
 * Queries, beside Prometheus on a copy of the same blocks: `npm run bench -- queries`, or `-- queries --quick` for
 * ranges of 2 h instead of 12.
 *
 * Each query is asked once to warm up, the answers are compared, and then the servers take turns. Words after
 * `--only=` keep the queries that have one of them. Prometheus is looked for as the tests do, in PEERS_BIN and
 * PATH; without it ours is measured alone.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Database, QueryResult } from "../../src/api.js";
import { openDatabase } from "../../src/database.js";
import { findPeer } from "../../test/support/peers.js";
import { differenceOf } from "../support/answers.js";
import { FLEET_END, FLEET_START } from "../support/fleet.js";
import { fleetBlocks, linkedCopy, removeCopy } from "../support/fleet-blocks.js";
import { type QueryServer, startNarthexProcess, startPrometheusProcess } from "../support/query-server.js";
import { type Contestant, type Timing, takeTurns } from "../support/turns.js";
import { type MeasuredQuery, measuredCalls, measuredQueries, queryPath } from "./query-table.js";

interface Row {
  readonly name: string;
  /** By contestant. */
  readonly timings: ReadonlyMap<string, Timing>;
  readonly difference: string | undefined;
}

interface Subject {
  readonly name: string;
  readonly path: string;
  /** In process; undefined for calls that only HTTP has. */
  readonly run?: () => Promise<unknown>;
}

const isQuick = process.argv.includes("--quick");
const only = process.argv.find((word) => word.startsWith("--only="))?.slice("--only=".length);
const rangeStart = isQuick ? FLEET_END - 2 * 3_600_000 : FLEET_START;
const rangeName = isQuick ? "2 h" : "12 h";
const inProcess = "in process";
const copies: string[] = [];
const servers: QueryServer[] = [];
let database: Database | undefined;

try {
  const blocks = await fleetBlocks();
  const copy = () => {
    copies.push(linkedCopy(blocks));
    return copies.at(-1)!;
  };
  database = await openDatabase({ directory: copy(), enableFeatures: ["promql-experimental-functions"] });
  servers.push(await startNarthexProcess(copy()));
  const prometheus = findPeer("prometheus");
  if (prometheus === undefined)
    console.log("\n!! prometheus is neither in PEERS_BIN nor in PATH: measured without it");
  else servers.push(await startPrometheusProcess(prometheus, copy(), emptyConfig(copies[0]!)));
  const rows: Row[] = [];
  for (const subject of subjectsOf(database)) rows.push(await measure(subject, servers));
  print(rows);
} finally {
  for (const server of servers) await server.stop();
  await database?.close();
  copies.forEach(removeCopy);
}

function emptyConfig(directory: string): string {
  const path = join(directory, "prometheus.yml");
  writeFileSync(path, "");
  return path;
}

function subjectsOf(opened: Database): readonly Subject[] {
  const queries = measuredQueries.map((query): Subject => {
    const { text, series, stepMs } = query;
    const times = stepMs === 0 ? "instant" : `${rangeName}, ${stepMs / 1000} s`;
    const name = `${text} · ${series} · ${times}`;
    return { name, path: queryPath(query, rangeStart), run: () => runInProcess(opened, query) };
  });
  const calls = measuredCalls.map(({ path }): Subject => {
    return { name: decodeURIComponent(path.replace(/start=\d+&end=\d+&?/, "")), path };
  });
  const words = only?.split(",");
  return [...queries, ...calls].filter(
    ({ name }) => words === undefined || words.some((word) => name.includes(word)),
  );
}

function runInProcess(opened: Database, { text, stepMs }: MeasuredQuery): Promise<QueryResult> {
  if (stepMs === 0) return opened.query(text, { time: FLEET_END });
  return opened.queryRange(text, { start: rangeStart, end: FLEET_END, step: stepMs });
}

async function measure({ name, path, run }: Subject, asked: readonly QueryServer[]): Promise<Row> {
  const answers: Buffer[] = [];
  for (const server of asked) answers.push(await server.get(path));
  await run?.();
  const contestants = asked.map((server): Contestant => {
    return { name: server.name, run: () => server.get(path), cpuSeconds: () => server.cpuSeconds() };
  });
  if (run !== undefined) contestants.push({ name: inProcess, run, cpuSeconds: () => 0 });
  const timings = await takeTurns(contestants, isQuick ? { ms: 200, rounds: 2 } : { ms: 1000, rounds: 3 });
  const [ours, theirs] = answers;
  return { name, timings, difference: theirs && differenceOf(ours!, theirs) };
}

function print(rows: readonly Row[]): void {
  const [ours, ...peers] = servers.map(({ name }) => name);
  console.log(`\nQueries: median in ms, over HTTP, in turns; ratio of ours to theirs\n`);
  const columns = [ours!, ...peers.flatMap((peer) => [peer, "ratio"]), `${ours} ${inProcess}`];
  console.log(`| | ${columns.join(" | ")} |\n|---|${"---:|".repeat(columns.length)}`);
  for (const { name, timings } of rows) {
    const cells = [ms(timings.get(ours!)!)];
    for (const peer of peers) cells.push(ms(timings.get(peer)!), ratioOf(timings, ours!, peer).toFixed(3));
    const own = timings.get(inProcess);
    cells.push(own === undefined ? "" : ms(own));
    console.log(`| \`${name.replaceAll("|", "\\|")}\` | ${cells.join(" | ")} |`);
  }
  for (const peer of peers) {
    const logarithms = rows.map(({ timings }) => Math.log(ratioOf(timings, ours!, peer)));
    const mean = Math.exp(logarithms.reduce((sum, each) => sum + each, 0) / rows.length);
    console.log(`\nGeometric mean of ${rows.length} ratios to ${peer}: ${mean.toFixed(3)}`);
  }
  for (const name of [ours!, ...peers]) {
    const seconds = rows.reduce((sum, { timings }) => sum + timings.get(name)!.cpuSecondsPerRun, 0);
    console.log(`CPU of ${name}, every query once: ${seconds.toFixed(2)} s`);
  }
  for (const { name, difference } of rows)
    if (difference !== undefined) console.log(`DIFFERS: ${name}: ${difference}`);
}

function ratioOf(timings: ReadonlyMap<string, Timing>, ours: string, peer: string): number {
  return timings.get(ours)!.medianMs / timings.get(peer)!.medianMs;
}

function ms({ medianMs }: Timing): string {
  return medianMs.toFixed(medianMs < 10 ? 2 : 0);
}
