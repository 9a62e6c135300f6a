import { gzipSync } from "node:zlib";
import type { FastifyInstance, InjectOptions } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../../src/api.js";
import { openDatabase } from "../../../src/database.js";
import { buildApp } from "../../../src/http/app.js";
import { protobufOf, protobufType, snappyFramesOf } from "../../support/client-model-bodies.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 250);

let database: Database;
let app: FastifyInstance;
let clock: FakeClock;

async function start(enableAdminApi = false): Promise<void> {
  clock = new FakeClock(now);
  database = await openDatabase({ directory: "data", clock, fileSystem: new MemFileSystem() });
  app = buildApp({ database, clock, version: "1.2.3", onEvent: () => {}, enableAdminApi });
}

beforeEach(() => start());
afterEach(async () => {
  await app.close();
  await database.close();
});

async function send(
  request: string,
  payload?: string | Buffer,
  headers: Record<string, string> = {},
): Promise<string> {
  const [method, url] = request.split(" ") as [NonNullable<InjectOptions["method"]>, string];
  const answer = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  const error = answer.body === "" ? "" : ` ${(answer.json() as { error?: string }).error ?? answer.body}`;
  return `${answer.statusCode}${error}`;
}

async function series(query = '{job!="",__name__!~"push_.*"}'): Promise<readonly string[]> {
  const result = await database.query(query, { time: clock.now() + 20 });
  return result.type === "vector"
    ? result.series.map(({ labels, value }) => `${labels} ${value}`).sort()
    : [];
}

describe("/metrics/job/JOB", () => {
  it("takes what curl sends, as it likes to", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect(await send("POST /metrics/job/some_job", "some_metric 3.14\n", form)).toBe("200");
    expect(await send("POST /metrics/job/some_job/instance/i", "a 1\r\nb 2")).toBe("200");
    expect(await series()).toEqual([
      'a{instance="i", job="some_job"} 1',
      'b{instance="i", job="some_job"} 2',
      'some_metric{job="some_job"} 3.14',
    ]);
    expect(await send("DELETE /metrics/job/some_job/instance/i")).toBe("202");
    expect(await send("DELETE /metrics/job/some_job/instance/none")).toBe("202");
    expect(await series()).toEqual(['some_metric{job="some_job"} 3.14']);
  });

  it("holds no more of large bodies than all may, and takes small ones meanwhile", async () => {
    const gzip = { "content-encoding": "gzip" };
    const large = gzipSync("a 1\n".repeat(100_001));
    const answers = Array.from({ length: 5 }, (_, i) => send(`PUT /metrics/job/large${i}`, large, gzip));
    expect(await send("PUT /metrics/job/small", "m 1\n")).toBe("200");
    const statuses = (await Promise.all(answers)).map((answer) => answer.slice(0, 3));
    expect(new Set(statuses)).toEqual(new Set(["413", "429"]));
    // What they held is free again.
    expect(await send("PUT /metrics/job/large", large, gzip)).toMatch(/^413 .*transactionSamplesMax/);
  });

  it("splits the address before it decodes it", async () => {
    expect(await send("PUT /metrics/job/a/path/%2Fvar%2Flog", "m 1\n")).toBe("200");
    expect(await send("PUT /metrics/job@base64/L2E/my.label/x", "m 1\n")).toBe("200");
    expect(await send("PUT /metrics/job/u/U__my_2e_label/x", "m 1\n")).toBe("200");
    expect(await series()).toEqual([
      'm{job="/a", "my.label"="x"} 1',
      'm{job="a", path="/var/log"} 1',
      'm{job="u", "my.label"="x"} 1',
    ]);
    const long = "x".repeat(10_000);
    expect(await send(`PUT /metrics/job/a/x/${long}`, "m 2\n")).toBe("200");
    expect(await series(`m{x="${long}"}`)).toHaveLength(1);
  });

  it("takes protobuf, gzip and Snappy's frames", async () => {
    const protobuf = protobufOf([{ name: "m", type: "counter", metrics: [{ labels: {}, value: 1 }] }]);
    const type = { "content-type": protobufType };
    expect(await send("PUT /metrics/job/a", protobuf, type)).toBe("200");
    const gzip = { ...type, "content-encoding": "gzip" };
    expect(await send("PUT /metrics/job/b", gzipSync(protobuf), gzip)).toBe("200");
    const snappy = { ...type, "content-encoding": "snappy" };
    expect(await send("PUT /metrics/job/c", snappyFramesOf(protobuf), snappy)).toBe("200");
    expect(await series()).toEqual(['m{job="a"} 1', 'm{job="b"} 1', 'm{job="c"} 1']);
    expect(await send("PUT /metrics/job/c", "n 1\n", { "content-encoding": "br" })).toMatch(/^415 /);
  });

  it.each<[request: string, body: string, answer: RegExp]>([
    ["PUT /metrics/job/a", "m x\n", /^400 line 1: the value "x" is no number/],
    ["PUT /metrics/job/a", "m 1 1700000000000\n", /^400 pushed metrics .* must not have timestamps/],
    ["PUT /metrics/job/a", "m 1\nm 1\n", /^400 pushed metrics .* collected before/],
    ["PUT /metrics/job/a/b", "m 1\n", /^400 odd number/],
    ["PUT /metrics/job/", "m 1\n", /^400 job name is required/],
    ["PUT /metrics", "m 1\n", /^404 /],
    ["PUT /metrics/job/a?ttl=soon", "m 1\n", /^400 the ttl "soon" is no duration/],
    ["PUT /metrics/job/a?staleness=some", "m 1\n", /^400 the push staleness/],
    ["PUT /metrics/job/a?timestamps=yes", "m 1\n", /^400 timestamps are either kept or refused/],
    ["PUT /api/v1/admin/wipe", "", /^503 admin APIs disabled/],
  ])("%s %j is refused", async (request, body, answer) => {
    expect(await send(request, body)).toMatch(answer);
    expect(await series()).toEqual([]);
  });

  it("takes a time to live and times of samples, by option", async () => {
    const time = now - 60_000;
    expect(await send("PUT /metrics/job/a?timestamps=keep&ttl=10m", `m 1 ${time}\n`)).toBe("200");
    expect(await send("PUT /metrics/job/b?ttl=90", "m 1\n")).toBe("200");
    expect(await send("PUT /metrics/job/c", "m 1\n", { "x-push-staleness": "hold:5m" })).toBe("200");
    expect(await series("timestamp(m)")).toContain(`{job="a"} ${time / 1000}`);
    clock.advance(90_000);
    await settle();
    expect(await series()).toEqual(['m{job="a"} 1', 'm{job="c"} 1']);
    clock.advance(600_000);
    await settle();
    expect(await series()).toEqual([]);
  });

  it("leaves the page about ourselves alone", async () => {
    expect((await app.inject("/metrics")).body).toContain("narthex_");
    expect((await app.inject("/metrics/job/a")).statusCode).toBe(404);
  });
});

describe("the API of a Pushgateway", () => {
  it("lists groups", async () => {
    await send("PUT /metrics/job/a/x@base64/=", "# HELP m What.\n# TYPE m counter\nm 42\n");
    await send("PUT /metrics/job/a/x@base64/=", "m 1 1700000000000\n");
    expect((await app.inject("/api/v1/metrics")).json()).toEqual({
      status: "success",
      data: [
        {
          labels: { job: "a", x: "" },
          last_push_successful: false,
          m: {
            time_stamp: "2026-01-02T03:04:05.250Z",
            type: "COUNTER",
            help: "What.",
            metrics: [{ labels: { instance: "", job: "a", x: "" }, value: "42" }],
          },
          push_time_seconds: expect.objectContaining({ type: "GAUGE" }),
          push_failure_time_seconds: expect.objectContaining({
            metrics: [{ labels: { instance: "", job: "a", x: "" }, value: "1.76732304525e+09" }],
          }),
        },
      ],
    });
  });

  it("does not list groups of a source that has said that it is done", async () => {
    await send("PUT /metrics/job/a/instance/i", "m 1\n");
    await send("PUT /metrics/job/a/instance/j", "m 1\n");
    expect(await send("DELETE /api/v1/push?job=a&instance=i")).toBe("204");
    const listed = (await app.inject("/api/v1/metrics")).json() as { data: { labels: object }[] };
    expect(listed.data.map(({ labels }) => labels)).toEqual([{ job: "a", instance: "j" }]);
  });

  it("tells its status", async () => {
    const { data } = (await app.inject("/api/v1/status")).json() as { data: Record<string, unknown> };
    expect(data).toMatchObject({
      build_information: { version: "1.2.3" },
      flags: { "web.enable-admin-api": "false" },
      start_time: "2026-01-02T03:04:05.250Z",
    });
  });

  it("wipes when the operator lets it", async () => {
    await app.close();
    await database.close();
    await start(true);
    await send("PUT /metrics/job/a", "m 1\n");
    expect(await send("PUT /api/v1/admin/wipe")).toBe("202");
    expect(await series()).toEqual([]);
    expect((await app.inject("/api/v1/metrics")).json()).toEqual({ status: "success", data: [] });
  });
});

async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}
