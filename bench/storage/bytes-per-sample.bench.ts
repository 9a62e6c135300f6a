/**
 * Bytes per sample on disk: the same remote-write bodies to our server, with both block encodings, to a Prometheus and
 * to a VictoriaMetrics; then what their folders weigh when everything is cut, flushed and merged.
 *
 * The workload is support/mixed-workload.ts: 100 targets of 100 series, 12 h of it. `--quick` takes 10 targets.
 * Peers that are neither in PEERS_BIN nor in PATH are left out. KEEP=1 keeps the folders, and prints where they are.
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Labels, METRIC_NAME } from "../../src/model/labels.js";
import { BlockReader } from "../../src/storage/block/block-reader.js";
import { isUlid } from "../../src/storage/block/ulid.js";
import { sliceColumns } from "../../src/storage/chunk/encode-chunks.js";
import { nodeFileSystem } from "../../src/storage/fs/node-file-system.js";
import { findPeer } from "../../test/support/peers.js";

import { sizeOf } from "../support/directory-size.js";
import { MIXED_INTERVAL_MS, type MixedTarget, mixedTarget } from "../support/mixed-workload.js";
import { writeRequestBody } from "../support/write-request-body.js";
import {
  startNarthex,
  startPrometheusReceiver,
  startVictoriaMetrics,
  type WriteServer,
} from "../support/write-servers.js";

const hour = 3_600_000;
const isQuick = process.argv.includes("--quick");
const targetCount = isQuick ? 10 : 100;
const samplesPerSeries = 2880;
/** Midnight of a day that is over: the ranges of blocks begin there, and no server takes it for the future. */
const begin = Date.UTC(2026, 9, 6);
const end = begin + samplesPerSeries * MIXED_INTERVAL_MS;
/** A request has so many samples of each series of a target: 2000 in all. */
const samplesPerRequest = 20;
const requestsInFlight = 4;
/** Two hours: what a cut takes. */
const samplesPerBlock = 480;
/** Of kinds by themselves, in VictoriaMetrics. */
const targetsByKind = 10;

/** What is in the folders of blocks beside chunks. */
const restKind = "index and the like";
/** A series that goes on for some hours, so that everything else is old enough to be cut and merged. */
const afterwards = Labels.from({ __name__: "bench_afterwards" });

interface Weight {
  readonly name: string;
  readonly folderBytes: number;
  readonly blockBytes: number;
  readonly logBytes: number;
  readonly writeCpuSeconds: number;
  readonly settleCpuSeconds: number;
}

await main();

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "narthex-bytes-"));
  const servers = await startServers(directory);
  try {
    const targets = Array.from({ length: targetCount }, (_, i) => mixedTarget(i, begin, samplesPerSeries));
    await writeAll(servers, targets);
    const written = servers.map((server) => server.cpuSeconds());
    await writeAfterwards(servers);
    const weights: Weight[] = [];
    for (const [i, server] of servers.entries()) {
      await server.settle(end);
      await checkSamples(server, targets);
      weights.push(weigh(server, written[i]!));
    }
    printWeights(weights, samplesOf(targets));
    const byKind = await Promise.all(servers.map((server) => bytesByKind(server, targets)));
    const victoriaMetrics = servers.findIndex(({ name }) => name === "VictoriaMetrics");
    if (victoriaMetrics >= 0) byKind[victoriaMetrics] = await victoriaMetricsByKind(directory, targets);
    printKinds(servers, byKind, targets);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    if (process.env.KEEP === undefined) rmSync(directory, { recursive: true, force: true });
    else console.log(`\nkept: ${directory}`);
  }
}

async function startServers(directory: string): Promise<WriteServer[]> {
  const servers = [
    await startNarthex(join(directory, "adaptive"), "adaptive"),
    await startNarthex(join(directory, "gorilla"), "gorilla"),
  ];
  const prometheus = findPeer("prometheus");
  if (prometheus === undefined) console.log("there is no prometheus in PEERS_BIN or PATH: left out");
  else servers.push(await startPrometheusReceiver(prometheus, join(directory, "prometheus")));
  const victoriaMetrics = findPeer("victoria-metrics");
  if (victoriaMetrics === undefined)
    console.log("there is no victoria-metrics in PEERS_BIN or PATH: left out");
  else servers.push(await startVictoriaMetrics(victoriaMetrics, join(directory, "victoria-metrics")));
  return servers;
}

/** In the order of time, as scrapes come. */
async function writeAll(servers: readonly WriteServer[], targets: readonly MixedTarget[]): Promise<void> {
  for (let from = 0; from < samplesPerSeries; from += samplesPerRequest) {
    const waiting = [...targets];
    const sendNext = async () => {
      for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
        const body = bodyOf(target, from, 0);
        await Promise.all(servers.map((server) => server.write(body)));
      }
    };
    await Promise.all(Array.from({ length: requestsInFlight }, sendNext));
    if ((from + samplesPerRequest) % samplesPerBlock === 0)
      await Promise.all(servers.map((server) => server.maintain()));
  }
}

/** The target's samples from index `from` on, as of `laterMs` later. */
function bodyOf({ times, series }: MixedTarget, from: number, laterMs: number): Uint8Array {
  const to = from + samplesPerRequest;
  const shifted = times.map((time) => time + laterMs);
  return writeRequestBody(
    series.map(({ labels, values }) => ({
      labels,
      samples: sliceColumns({ times: shifted, values, length: samplesPerSeries }, from, to),
    })),
  );
}

async function writeAfterwards(servers: readonly WriteServer[]): Promise<void> {
  for (let time = end; time <= end + 6 * hour; time += hour / 4) {
    const samples = { times: Float64Array.of(time), values: Float64Array.of(1), length: 1 };
    const body = writeRequestBody([{ labels: afterwards, samples }]);
    for (const server of servers) {
      await server.write(body);
      await server.maintain();
    }
  }
}

/** Nothing is won by a sample that is not there. */
async function checkSamples(server: WriteServer, targets: readonly MixedTarget[]): Promise<void> {
  const names = new Set(targets.flatMap(({ series }) => series.map(({ labels }) => labels.get(METRIC_NAME))));
  let found = 0;
  for (const name of names) found += await countOf(server, name);
  const expected = samplesOf(targets);
  if (found !== expected) throw new Error(`${server.name} holds ${found} samples, not ${expected}`);
}

async function countOf({ url }: WriteServer, name: string): Promise<number> {
  const query = `sum(count_over_time(${name}[13h]))`;
  const parameters = new URLSearchParams({ query, time: String(end / 1000), nocache: "1" });
  const answer = await (await fetch(`${url}/api/v1/query?${parameters}`)).json();
  const { data } = answer as { data?: { result: { value: [number, string] }[] } };
  return Number(data?.result[0]?.value[1] ?? 0);
}

function samplesOf(targets: readonly MixedTarget[]): number {
  return targets.reduce((sum, { series, times }) => sum + series.length * times.length, 0);
}

function weigh(server: WriteServer, writeCpuSeconds: number): Weight {
  const { name, directory } = server;
  const logs = ["wal", "wbl", "chunks_head"].map((each) => join(directory, each));
  const blocks =
    name === "VictoriaMetrics" ? ["data", "indexdb"] : readdirSync(directory).filter((each) => isUlid(each));
  return {
    name,
    folderBytes: sizeOf(directory),
    blockBytes: sizeOf(...blocks.map((each) => join(directory, each))),
    logBytes: sizeOf(...logs),
    writeCpuSeconds,
    settleCpuSeconds: server.cpuSeconds() - writeCpuSeconds,
  };
}

function printWeights(weights: readonly Weight[], samples: number): void {
  console.log(`\n${samples} samples in ${samples / samplesPerSeries} series, bytes per sample\n`);
  console.log("| | all of the folder | blocks | logs | CPU s, writing | CPU s, to rest |");
  console.log("|---|---:|---:|---:|---:|---:|");
  for (const each of weights) {
    const bytes = [each.folderBytes, each.blockBytes, each.logBytes].map((size) =>
      (size / samples).toFixed(3),
    );
    const seconds = [each.writeCpuSeconds, each.settleCpuSeconds].map((cpu) => cpu.toFixed(1));
    console.log(`| ${[each.name, ...bytes, ...seconds].join(" | ")} |`);
  }
}

/** Bytes by kind of series. */
type BytesByKind = ReadonlyMap<string, number>;

/** Of blocks as Prometheus has them: chunks in their frames by kind, and all else. */
async function bytesByKind(
  { directory }: WriteServer,
  targets: readonly MixedTarget[],
): Promise<BytesByKind> {
  const kindOf = new Map(
    targets.flatMap(({ series }) => series.map(({ kind, labels }) => [labels.toString(), kind] as const)),
  );
  const bytesOf = new Map<string, number>();
  const add = (kind: string, sizeBytes: number) => bytesOf.set(kind, (bytesOf.get(kind) ?? 0) + sizeBytes);
  for (const name of readdirSync(directory).filter((each) => isUlid(each))) {
    const block = await BlockReader.open(nodeFileSystem, join(directory, name));
    const chunks = [...block.index.all()].flatMap((ref) => {
      const { labels, chunks: metas } = block.index.series(ref);
      return metas.map((meta) => ({ kind: kindOf.get(labels.toString()) ?? restKind, ref: meta.ref }));
    });
    // Each chunk reaches to the next one; the blocks here have one segment.
    chunks.sort((a, b) => a.ref - b.ref);
    for (const [i, { kind, ref }] of chunks.entries())
      add(kind, (chunks[i + 1]?.ref ?? block.chunks.sizeBytes) - ref);
    add(restKind, sizeOf(join(directory, name)) - block.chunks.sizeBytes);
    await block.close();
  }
  return bytesOf;
}

/**
 * Each kind in a month of its own, which VictoriaMetrics keeps in a folder of its own; of some targets, as if they
 * were all.
 */
async function victoriaMetricsByKind(
  directory: string,
  targets: readonly MixedTarget[],
): Promise<BytesByKind> {
  const server = await startVictoriaMetrics(findPeer("victoria-metrics")!, join(directory, "by-kind"));
  const some = targets.slice(0, targetsByKind);
  const folderOf = new Map<string, string>();
  try {
    for (const [month, kind] of kindsOf(some).entries()) {
      const time = Date.UTC(2020, month, 6);
      folderOf.set(kind, new Date(time).toISOString().slice(0, 7).replace("-", "_"));
      for (let from = 0; from < samplesPerSeries; from += samplesPerRequest)
        for (const { times, series } of some) {
          const ofKind = { times, series: series.filter((each) => each.kind === kind) };
          await server.write(bodyOf(ofKind, from, time - begin));
        }
    }
    await server.settle(end);
  } finally {
    await server.stop();
  }
  const folders = ["small", "big"].map((each) => join(server.directory, "data", each));
  const scale = targets.length / some.length;
  return new Map(
    [...folderOf].map(([kind, month]) => [kind, scale * sizeOf(...folders.map((each) => join(each, month)))]),
  );
}

function kindsOf(targets: readonly MixedTarget[]): string[] {
  return [...new Set(targets.flatMap(({ series }) => series.map(({ kind }) => kind)))];
}

function printKinds(
  servers: readonly WriteServer[],
  byKind: readonly BytesByKind[],
  targets: readonly MixedTarget[],
): void {
  const all = samplesOf(targets);
  console.log("\nBytes per sample of a kind; behind it what it adds to each sample of all\n");
  console.log(`| | series | ${servers.map(({ name }) => `${name} | `).join(" | ")} |`);
  console.log(`|---|---:|${"---:|---:|".repeat(servers.length)}`);
  for (const kind of [...kindsOf(targets), restKind]) {
    const series = targets.reduce(
      (sum, target) => sum + target.series.filter((s) => s.kind === kind).length,
      0,
    );
    const cells = byKind.flatMap((bytesOf) => {
      const sizeBytes = bytesOf.get(kind);
      if (sizeBytes === undefined) return ["", ""];
      const ofKind = kind === restKind ? "" : (sizeBytes / (series * samplesPerSeries)).toFixed(3);
      return [ofKind, (sizeBytes / all).toFixed(3)];
    });
    console.log(`| ${kind} | ${kind === restKind ? "" : series} | ${cells.join(" | ")} |`);
  }
}
