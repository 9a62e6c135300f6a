/**
 * The same random requests to a real Pushgateway and to us: statuses, groups, and series must be the same.
 *
 * PUSHGATEWAY_SEQUENCES says how many sequences (default 30), SEED where they begin.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/api.js";
import { openDatabase } from "../../src/database.js";
import { buildApp } from "../../src/http/app.js";
import { parseExposition } from "../../src/ingest/exposition/parse-exposition.js";
import { systemClock } from "../../src/model/clock.js";
import { formatFloat } from "../../src/model/float-text.js";
import { METRIC_NAME } from "../../src/model/labels.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { freePort, type RunningServer, start } from "../support/processes.js";
import { PushgatewaySequence, type SentRequest } from "../support/pushgateway-sequences.js";
import { seededRandom } from "../support/seeded-random.js";

const sequences = Number(process.env.PUSHGATEWAY_SEQUENCES ?? 30);
const firstSeed = Number(process.env.SEED ?? 1);
const requestsPerSequence = 14;

const pushTimes = new Set(["push_time_seconds", "push_failure_time_seconds"]);

describe.skipIf(isPeerMissing("prometheus-pushgateway"))("a real Pushgateway and ours", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-pushgateway-"));
  let theirs: RunningServer;
  let database: Database;
  let app: FastifyInstance;

  beforeAll(async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const flags = [`--web.listen-address=${address}`, "--web.enable-admin-api", "--persistence.file="];
    theirs = await start(findPeer("prometheus-pushgateway")!, flags, `http://${address}`, "/-/ready");
    database = await openDatabase({ directory, durability: "none" });
    app = buildApp({
      database,
      clock: systemClock,
      version: "test",
      onEvent: () => {},
      enableAdminApi: true,
    });
  });
  afterAll(async () => {
    await theirs.stop("SIGKILL");
    await app.close();
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function sendTheirs({ method, path, headers, body }: SentRequest): Promise<number> {
    const response = await fetch(`${theirs.url}${path}`, {
      method,
      headers,
      ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
    });
    await response.arrayBuffer();
    return response.status;
  }

  let lastAnswer = "";
  async function sendOurs({ method, path, headers, body }: SentRequest): Promise<number> {
    const payload = body.length === 0 ? {} : { payload: body };
    const answer = await app.inject({ method, url: path, headers: { ...headers }, ...payload });
    lastAnswer = answer.body;
    return answer.statusCode;
  }

  async function wipe(): Promise<void> {
    const answer = await fetch(`${theirs.url}/api/v1/admin/wipe`, { method: "PUT" });
    const ours = await app.inject({ method: "PUT", url: "/api/v1/admin/wipe" });
    expect([answer.status, ours.statusCode]).toEqual([202, 202]);
  }

  it.each(Array.from({ length: sequences }, (_, i) => firstSeed + i))("agree (seed %i)", async (seed) => {
    await wipe();
    const requests = new PushgatewaySequence(seededRandom(seed)).requests(requestsPerSequence);
    for (const [i, request] of requests.entries()) {
      const status = await sendTheirs(request);
      const shown = `request ${i}: ${request.method} ${request.path} ${JSON.stringify(request.headers)}\n${request.body}`;
      const ours = await sendOurs(request);
      expect(ours, `${lastAnswer}\n${shown}`).toBe(status);
    }
    const groups = await (await fetch(`${theirs.url}/api/v1/metrics`)).json();
    expect(groupsOf((await app.inject("/api/v1/metrics")).json())).toEqual(groupsOf(groups));
    const page = await (await fetch(`${theirs.url}/metrics`)).arrayBuffer();
    expect(await seriesOfOurs(app)).toEqual(seriesOfPage(new Uint8Array(page)));
  });

  const put = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    ({ method: "PUT", path, headers, body: Buffer.from(body) }) as const;

  it.each(oddBodies.map(([body, status, headers = {}]) => ({ body, status, headers })))(
    "agree on $body: $status",
    async ({ body, status, headers }) => {
      await wipe();
      const request = put("/metrics/job/odd", body, headers);
      expect([await sendTheirs(request), await sendOurs(request)]).toEqual([status, status]);
      const page = await (await fetch(`${theirs.url}/metrics`)).arrayBuffer();
      const ofJob = (lines: readonly string[]) => lines.filter((line) => line.includes('"odd"'));
      expect(ofJob(await seriesOfOurs(app))).toEqual(ofJob(seriesOfPage(new Uint8Array(page))));
      const removal = { ...put("/metrics/job/odd", ""), method: "DELETE" } as const;
      expect([await sendTheirs(removal), await sendOurs(removal)]).toEqual([202, 202]);
    },
  );

  it.each(
    differences.map(([what, path, body, theirs, ours, headers = {}]) => ({
      what,
      path,
      body,
      theirs,
      ours,
      headers,
    })),
  )(
    "differ on purpose: $what",
    async ({ path, body, theirs: statusOfTheirs, ours: statusOfOurs, headers }) => {
      await wipe();
      const request = put(`/metrics/job/differs${path}`, body, headers);
      expect([await sendTheirs(request), await sendOurs(request)]).toEqual([statusOfTheirs, statusOfOurs]);
      const removal = { ...put(`/metrics/job/differs${path}`, ""), method: "DELETE" } as const;
      await sendTheirs(removal);
      expect(await sendOurs(removal)).toBe(202);
    },
  );
});

const bad = "\xff";

/** Odd bodies, with what both answer. */
const oddBodies: readonly (readonly [
  body: string | Buffer,
  status: number,
  headers?: Record<string, string>,
])[] = [
  ['\tm { a = "1" , } 1\n', 200],
  ["m{} 1\n\n\n", 200],
  ["# hello\n#\n\nm 1\n", 200],
  ["   \n", 200],
  ["m 0x10\n", 400],
  ["m 1_000\n", 400],
  ["m 1e999\n", 400],
  ["m nan\nn inf\no +Inf\np -infinity\n", 200],
  ["# HELP m x\n", 200],
  ["# HELP m\nm 1\n", 200],
  ['m{__name__="x"} 1\n', 400],
  ['m{__x="1"} 1\n', 400],
  ['{"m",a="1"} 1\n', 200],
  [Buffer.from(`m{a="${bad}"} 1\n`, "latin1"), 400],
  ['# TYPE h histogram\nh{le="1"} 3\n', 200],
  ['# TYPE h histogram\nh_bucket{le="-1"} 3\nh_count 2\n', 200],
  ['# TYPE s summary\ns_sum{quantile="0.5"} 3\n', 200],
  ['# TYPE m counter\n# TYPE n gauge\nm 1\nn 1\nm{a="1"} -2\n', 200],
  ["h_sum 1\n# TYPE h histogram\nh_count 2\n", 400],
  ['m{job="x"} 1\nm{job="y"} 2\n', 400],
  ['m{a:b="1"} 1\n', 400],
  ["a:b 1\n", 200],
  ['m 1 # {a="b"} 1\n', 400],
  ["", 400, { "content-encoding": "gzip" }],
  [Buffer.concat([gzipSync("m 1\n"), gzipSync("n 1\n")]), 200, { "content-encoding": "GZIP" }],
  ["m 1\n", 200, { "content-encoding": "identity" }],
  ["# TYPE m counter\nm_total 1\n# EOF\n", 200, { "content-type": "application/openmetrics-text" }],
  ["m 1\n", 200, { "content-type": "application/vnd.google.protobuf; encoding=text" }],
];

/** Where we differ on purpose: see docs/push.md. */
const differences: readonly (readonly [
  what: string,
  path: string,
  body: string,
  theirs: number,
  ours: number,
  headers?: Record<string, string>,
])[] = [
  ["no last line feed", "", "m 1", 400, 200],
  ["carriage returns", "", "m 1\r\n", 400, 200],
  ["blanks behind a value", "", "m 1 \n", 400, 200],
  ["a comment in place of a type", "", "#TYPE m bad\nm 1\n", 400, 200],
  ["the type unknown", "", "# TYPE m unknown\nm 1\n", 400, 200],
  ["an unknown escape", "", 'm{a="\\x"} 1\n', 400, 200],
  ["UTF-8 names of metrics", "", '{"m.x"} 1\n', 400, 200],
  ["UTF-8 names in addresses", "/a.b/1", "m 1\n", 400, 200],
  ["a slash as %2F", "/a/b%2Fc", "m 1\n", 400, 200],
  ["no type", "", "# TYPE m\nm 1\n", 200, 400],
  ["a type in capitals", "", "# TYPE m GAUGE\nm 1\n", 200, 400],
  ["a histogram without a bound", "", "# TYPE h histogram\nh 3\n", 200, 400],
  ["a bucket twice", "", '# TYPE h histogram\nh_bucket{le="1"} 3\nh_bucket{le="1.0"} 3\n', 200, 400],
  ["an encoding that nobody knows", "", "m 1\n", 200, 415, { "content-encoding": "br" }],
  ["a name of the gateway's own metrics", "", "go_goroutines 1\n", 400, 200],
];

type Json = Readonly<Record<string, unknown>>;

/** In an order; times only as whether they are there, labels without empty ones. */
function groupsOf(answer: unknown): readonly unknown[] {
  const { status, data } = answer as { status: string; data: readonly Json[] };
  expect(status).toBe("success");
  return data.map(groupOf).sort((a, b) => (a.key < b.key ? -1 : 1));
}

function groupOf({ labels, last_push_successful, ...families }: Json) {
  const shown = Object.entries(families).map(([name, family]) => {
    const { time_stamp, metrics, ...facts } = family as Json & { metrics: readonly Json[] };
    expect(Date.parse(String(time_stamp))).toBeGreaterThan(Date.now() - 3_600_000);
    const sorted = metrics.map((metric) => shownMetric(name, metric)).sort();
    return [name, { ...facts, metrics: sorted }] as const;
  });
  const key = JSON.stringify(Object.entries(labels as Json).sort());
  return { key, last_push_successful, families: Object.fromEntries(shown) };
}

function shownMetric(name: string, { labels, ...values }: Json): string {
  const shownValues = pushTimes.has(name) ? { value: values.value !== "0" } : values;
  return JSON.stringify([sortedEntries(labels as Json), sortedEntries(shownValues)]);
}

function sortedEntries(record: Json): readonly unknown[] {
  return Object.entries(record)
    .map(([name, value]) => [name, typeof value === "object" ? sortedEntries(value as Json) : value])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

/** What a Prometheus would scrape. */
function seriesOfPage(bytes: Uint8Array): readonly string[] {
  const lines: string[] = [];
  parseExposition(
    bytes,
    { format: "prometheus" },
    {
      sample(text, value) {
        const labels = text.labels();
        if (/^(?:go|process|promhttp|pushgateway)_/.test(labels.get(METRIC_NAME))) return;
        lines.push(shownSeries(labels.toObject(), value));
      },
    },
  );
  return lines.sort();
}

async function seriesOfOurs(app: FastifyInstance): Promise<readonly string[]> {
  const query = new URLSearchParams({
    query: '{job!="",__name__!~"push_(hold|last_success_timestamp)_seconds"}',
    time: String(Date.now() / 1000 + 1),
  });
  const { data } = (await app.inject(`/api/v1/query?${query}`)).json() as {
    data: { result: readonly { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result
    .map(({ metric, value }) => shownSeries(metric, Number(value[1].replace("Inf", "Infinity"))))
    .sort();
}

function shownSeries(labels: Readonly<Record<string, string>>, value: number): string {
  const shown = pushTimes.has(labels[METRIC_NAME] ?? "") ? `${value !== 0}` : formatFloat(value);
  return `${JSON.stringify(Object.entries(labels).sort())} ${shown}`;
}
