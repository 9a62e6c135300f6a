/**
 * Senders of remote write, none of them ours: a Prometheus by 1.0 and by 2.0, and vmagent, which tries its own
 * protocol first. What they send is what they have: series, samples, ends of series, and what metrics are.
 *
 * SCRAPE_SECONDS says how long they scrape (default 6).
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database, DatabaseEvent } from "../../src/api.js";
import { buildApp } from "../../src/http/app.js";
import { openDatabase } from "../../src/index.js";
import { Sources } from "../../src/ingest/source/sources.js";
import { systemClock } from "../../src/model/clock.js";
import type { MetricMetadata } from "../../src/model/metric-metadata.js";
import { eventually } from "../support/eventually.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { freePort, query, type RunningServer, start, startPrometheus } from "../support/processes.js";

const seconds = Number(process.env.SCRAPE_SECONDS ?? 6);
const isMissing = ["prometheus", "vmagent"].map(isPeerMissing).includes(true);

/** A page whose values move with each scrape; one series is gone after the third of each scraper. */
function startTarget(): Promise<Server> {
  const scrapesOf = new Map<string, number>();
  const server = createServer((request, response) => {
    const scraper = request.headers["user-agent"] ?? "";
    const scrapes = (scrapesOf.get(scraper) ?? 0) + 1;
    scrapesOf.set(scraper, scrapes);
    const vanishing = scrapes > 3 ? "" : 'vanishing{place="größe"} 1\n';
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(
      `# HELP turns_total Turns, "so far".\n# TYPE turns_total counter\nturns_total{path="/a\\\\b",n="1"} ${scrapes}\n` +
        `# TYPE odd gauge\nodd{kind="nan"} NaN\nodd{kind="inf"} -Inf\nodd{kind="tiny"} ${scrapes * 1e-300}\n` +
        `# TYPE seconds histogram\nseconds_bucket{le="0.5"} 1\nseconds_bucket{le="+Inf"} 2\nseconds_sum 3.25\nseconds_count 2\n${vanishing}`,
    );
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function addressOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.skipIf(isMissing)("remote write from real senders", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-senders-"));
  const described = new Map<string, Partial<MetricMetadata>>();
  const events: DatabaseEvent[] = [];
  const statuses = new Map<string, number>();
  let target: Server;
  let database: Database;
  let app: FastifyInstance;
  let narthex: Pick<RunningServer, "url">;
  let prometheus: RunningServer;
  let vmagent: RunningServer;

  beforeAll(
    async () => {
      target = await startTarget();
      database = await openDatabase({ directory: join(directory, "ours") });
      const metadata = {
        describeMetric: (name: string, told: Partial<MetricMetadata>) => described.set(name, told),
      };
      const sources = new Sources({ appendable: database, clock: systemClock, metadata });
      Object.defineProperty(database, "sources", { value: sources });
      app = buildApp({
        database,
        clock: systemClock,
        version: "test",
        onEvent: (event) => events.push(event),
      });
      app.addHook("onResponse", async (request, reply) => {
        const type = request.headers["content-type"]?.includes("v2") ? "2.0" : "1.0";
        const key = `${request.method} ${type} ${reply.statusCode}`;
        if (request.url === "/api/v1/write") statuses.set(key, (statuses.get(key) ?? 0) + 1);
      });
      narthex = { url: await app.listen({ host: "127.0.0.1", port: 0 }) };
      prometheus = await startSendingPrometheus();
      vmagent = await startVmagent();
      const samples = 'count_over_time(turns_total{job=~"target|vm"}[5m])';
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      await eventually(async () => {
        const found = await query(prometheus, "query", { query: samples });
        expect(found.filter(({ value }) => Number(value![1]) >= seconds)).toHaveLength(2);
      });
    },
    (seconds + 300) * 1000,
  );

  afterAll(async () => {
    await Promise.all([vmagent?.stop(), prometheus?.stop()]);
    target?.close();
    await app?.close();
    await database?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function startSendingPrometheus(): Promise<RunningServer> {
    const configFile = join(directory, "prometheus.yml");
    const write = (protocol: string, message: string) => `
  - url: ${narthex.url}/api/v1/write
    name: by-${protocol}
    protobuf_message: ${message}
    queue_config: { batch_send_deadline: 200ms }
    metadata_config: { send_interval: 1s }
    write_relabel_configs:
      - { source_labels: [protocol], regex: vm, action: drop }
      - { target_label: protocol, replacement: "${protocol}" }`;
    const messages = write("1", "prometheus.WriteRequest") + write("2", "io.prometheus.write.v2.Request");
    const scrape = `scrape_configs: [{ job_name: target, static_configs: [{ targets: ["${addressOf(target)}"] }] }]`;
    writeFileSync(configFile, `global: { scrape_interval: 1s }\n${scrape}\nremote_write:${messages}\n`);
    mkdirSync(join(directory, "theirs"));
    const flags = ["--web.enable-remote-write-receiver", "--enable-feature=metadata-wal-records"];
    const data = join(directory, "theirs");
    return startPrometheus(findPeer("prometheus")!, { directory: data, configFile, flags });
  }

  /** It sends what it scrapes to us and to the Prometheus. */
  async function startVmagent(): Promise<RunningServer> {
    const configFile = join(directory, "vmagent.yml");
    writeFileSync(
      configFile,
      `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: vm, static_configs: [{ targets: ["${addressOf(target)}"] }] }]\n`,
    );
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `-promscrape.config=${configFile}`,
      `-httpListenAddr=${address}`,
      `-remoteWrite.tmpDataPath=${join(directory, "vmagent")}`,
      "-remoteWrite.label=protocol=vm",
      "-remoteWrite.flushInterval=200ms",
      ...[narthex.url, prometheus.url].map((url) => `-remoteWrite.url=${url}/api/v1/write`),
    ];
    return start(findPeer("vmagent")!, args, `http://${address}`, "/health");
  }

  /** Series with their samples of the last seconds before `time`, without the label that says how they came. */
  async function samplesOf(server: Pick<RunningServer, "url">, selector: string, time: number) {
    const range = { query: `{${selector}}[${seconds + 60}s]`, time: String(time) };
    const found = await query(server as RunningServer, "query", range);
    return found.map(({ metric: { protocol: _, ...metric }, values }) => ({ metric, values })).sort(byLabels);
  }

  it.each([
    ["1.0, from Prometheus", 'protocol="1"', 'job="target"'],
    ["2.0, from Prometheus", 'protocol="2"', 'job="target"'],
    ["1.0, from vmagent", 'protocol="vm"', 'protocol="vm"'],
  ])("agrees with its sender: %s", async (_, ours, theirs) => {
    const time = Math.floor(Date.now() / 1000) - 2;
    // The newest ones may be on their way, to the Prometheus, too.
    await eventually(async () => {
      const expected = await samplesOf(prometheus, theirs, time);
      expect(expected.length).toBeGreaterThan(10);
      expect(expected.flatMap(({ values }) => values!).length).toBeGreaterThan(30);
      expect(await samplesOf(narthex, ours, time)).toEqual(expected);
    });
  });

  it.each(["1", "2", "vm"])("ends the series that ended, as it was told by %s", async (protocol) => {
    const selector = `vanishing{protocol="${protocol}"}`;
    const before = await query(narthex as RunningServer, "query", { query: `${selector}[1h]` });
    expect(before).toHaveLength(1);
    expect(await query(narthex as RunningServer, "query", { query: selector })).toEqual([]);
    // A scrape that was late ends all series until the next one.
    await eventually(async () => {
      const alive = { query: `turns_total{protocol="${protocol}"}` };
      expect(await query(narthex as RunningServer, "query", alive)).toHaveLength(1);
    });
  });

  it("is told what metrics are", async () => {
    await eventually(() => expect(described.size).toBeGreaterThan(3));
    expect(described.get("turns_total")).toMatchObject({ type: "counter", help: 'Turns, "so far".' });
    expect([...described.values()].map(({ type }) => type)).toContain("histogram");
  });

  it("had no trouble, but for vmagent's own protocol", () => {
    expect(statuses.get("POST 1.0 204")).toBeGreaterThan(3);
    expect(statuses.get("POST 2.0 204")).toBeGreaterThan(3);
    expect([...statuses.keys()].filter((key) => !/204$|1\.0 415$/.test(key))).toEqual([]);
    expect(events).toEqual([]);
  });
});

function byLabels(a: { metric: object }, b: { metric: object }): number {
  return JSON.stringify(a.metric) < JSON.stringify(b.metric) ? -1 : 1;
}
