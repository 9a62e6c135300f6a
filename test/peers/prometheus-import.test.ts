/**
 * The folder of a real Prometheus that was killed, imported: blocks, log, head chunks, samples out of order and
 * deletions. We answer as it does when it is started again.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import { markStaleAt } from "../../src/model/staleness.js";
import { decodeChunk } from "../../src/storage/chunk/encode-chunks.js";
import { readHeadChunks } from "../../src/storage/prometheus/head-chunk-file.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { builtCli, query, type RunningServer, startNarthex, startPrometheus } from "../support/processes.js";
import { encodeWriteRequest } from "../support/remote-write-bodies.js";

const prometheusBinary = findPeer("prometheus");
const minute = 60_000;
const start = Date.UTC(2026, 2, 1);

const flags = ["--web.enable-remote-write-receiver", "--web.enable-admin-api"];
const isBlock = (name: string) => /^[0-9A-Z]{26}$/.test(name);

describe.skipIf(isPeerMissing("prometheus"))("the folder of a killed Prometheus", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-import-"));
  const folder = join(directory, "prometheus");
  const copy = join(directory, "copy");
  const data = join(directory, "narthex");
  const configFile = join(directory, "prometheus.yml");
  let narthex: RunningServer;
  let prometheus: RunningServer;
  let importOutput = "";

  beforeAll(async () => {
    writeFileSync(configFile, "storage: { tsdb: { out_of_order_time_window: 12h } }\n");
    const run = () => startPrometheus(prometheusBinary!, { directory: folder, configFile, flags });
    let running = await run();
    for (let from = 0; from < 300; from += 30) await push(running, from, from + 30);
    await waitFor(() => readdirSync(folder).some(isBlock));
    await pushOutOfOrder(running, [70, 200.05, 280.05]);
    await deleteSeries(running, '{__name__="requests_total",instance="i1"}', 20, 40);
    await deleteSeries(running, '{__name__="requests_total",instance="i2"}', 250, 260);
    // Ended in good order, it leaves head chunks; killed, a log that goes on behind them.
    await running.stop("SIGTERM");
    running = await run();
    await push(running, 300, 330);
    await pushOutOfOrder(running, [310.05]);
    await running.stop("SIGKILL");

    cpSync(folder, copy, { recursive: true });
    importOutput = execFileSync(process.execPath, [builtCli, "import", copy, "--data", data], {
      encoding: "utf8",
    });
    [narthex, prometheus] = await Promise.all([startNarthex(data), run()]);
  });

  afterAll(async () => {
    await Promise.all([narthex?.stop(), prometheus?.stop()]);
    rmSync(directory, { recursive: true, force: true });
  });

  it("has blocks, a log, a log of samples out of order and head chunks", () => {
    expect(readdirSync(copy).filter(isBlock).length).toBeGreaterThan(0);
    for (const part of ["wal", "wbl", "chunks_head"]) expect(readdirSync(join(copy, part))).not.toEqual([]);
    expect(importOutput).toMatch(
      /samples in [1-9]\d* blocks?, [1-9][\d,]* samples that were not in blocks yet/,
    );
  });

  it("has head chunks that we read whole, of samples in and out of order", () => {
    const chunks = readdirSync(join(copy, "chunks_head")).flatMap((name) => {
      const path = join(copy, "chunks_head", name);
      return [...readHeadChunks(readFileSync(path), path)];
    });
    expect(chunks.length).toBeGreaterThan(5);
    for (const { chunk, ref } of chunks) {
      const { times, length } = decodeChunk(chunk);
      expect([ref > 0, times[0], times[length - 1]]).toEqual([true, chunk.minTime, chunk.maxTime]);
    }
  });

  it.each(["requests_total", "temperature", "late"])("gives the very samples of %s", async (name) => {
    const parameters = { query: `${name}[10h]`, time: String((start + 340 * minute) / 1000) };
    const [ours, theirs] = await Promise.all(
      [narthex, prometheus].map((each) => query(each, "query", parameters)),
    );
    expect(ours!.length).toBeGreaterThan(0);
    expect(ours!.flatMap(({ values }) => values!).length).toBeGreaterThan(2);
    expect(ours).toEqual(theirs);
  });

  it.each([
    "sum by (job) (rate(requests_total[5m]))",
    "temperature",
    "avg_over_time(late[1h])",
    "count({__name__=~'.+'})",
  ])("answers %s over the whole time", async (expression) => {
    const parameters = {
      query: expression,
      start: String(start / 1000),
      end: String((start + 340 * minute) / 1000),
      step: "37s",
    };
    const [ours, theirs] = await Promise.all(
      [narthex, prometheus].map((each) => query(each, "query_range", parameters)),
    );
    expect(ours!.length).toBeGreaterThan(0);
    expect(ours).toEqual(theirs);
  });

  it("is not opened as a database of ours", () => {
    const open = () =>
      execFileSync(process.execPath, [builtCli, "query", "up", "--data", copy], { stdio: "pipe" });
    expect(open).toThrow(/is the data folder of a Prometheus; choose another directory and import this one/);
    expect(readdirSync(copy)).not.toContain("lock.tmp");
  });
});

/** Counters, and gauges that end with a staleness marker and begin again, every 15 s; minutes since `start`. */
async function push(server: RunningServer, from: number, to: number): Promise<void> {
  const series = Array.from({ length: 6 }, (_, i) => {
    const labels = { __name__: "requests_total", instance: `i${i}`, job: `job${i % 2}` };
    return { labels: Labels.from(labels), samples: columns(from, to, (step) => (step * (i + 3)) % 1000) };
  });
  const gauge = columns(from, to, (step) => Math.round(Math.sin(step) * 1000) / 100);
  markStaleAt(gauge.values, Math.floor(gauge.length / 2));
  for (let i = 1; i < 30; i++) gauge.values[Math.floor(gauge.length / 2) - i] = Number.NaN;
  series.push({ labels: Labels.from({ __name__: "temperature", room: "größe" }), samples: gauge });
  await write(server, series);
}

/** A sample each of a series that has nothing else, and of one that has. */
async function pushOutOfOrder(server: RunningServer, minutes: readonly number[]): Promise<void> {
  const times = Float64Array.from(minutes, (each) => start + Math.round(each * minute));
  const samples = { times, values: Float64Array.from(minutes), length: minutes.length };
  await write(server, [
    { labels: Labels.from({ __name__: "late", instance: "i0" }), samples },
    {
      labels: Labels.from({ __name__: "requests_total", instance: "i0", job: "job0" }),
      samples: { ...samples, times: times.map((time) => time + 1) },
    },
  ]);
}

function columns(from: number, to: number, value: (step: number) => number) {
  const first = from * 4;
  const length = (to - from) * 4;
  return {
    times: Float64Array.from({ length }, (_, i) => start + (first + i) * 15_000),
    values: Float64Array.from({ length }, (_, i) => value(first + i)),
    length,
  };
}

async function write(server: RunningServer, series: Parameters<typeof encodeWriteRequest>[0]): Promise<void> {
  const headers = { "content-encoding": "snappy", "content-type": "application/x-protobuf" };
  const body = Buffer.from(encodeWriteRequest(series));
  const response = await fetch(`${server.url}/api/v1/write`, { method: "POST", headers, body });
  expect(response.status, await response.text()).toBeLessThan(300);
}

async function deleteSeries(
  server: RunningServer,
  selector: string,
  from: number,
  to: number,
): Promise<void> {
  const time = (minutes: number) => String((start + minutes * minute) / 1000);
  const parameters = new URLSearchParams({ "match[]": selector, start: time(from), end: time(to) });
  const url = `${server.url}/api/v1/admin/tsdb/delete_series?${parameters}`;
  expect((await fetch(url, { method: "POST" })).status).toBe(204);
}

async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
