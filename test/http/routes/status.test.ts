import { describe, expect, it } from "vitest";
import type { ConfigStatus } from "../../../src/http/own-metrics.js";
import type { ServerFacts } from "../../../src/http/routes/status.js";
import { emptyStatus } from "../../support/database-double.js";
import { failure, testApp } from "../test-app.js";

describe("pages about the server", () => {
  it("say what is running", async () => {
    const answer = JSON.parse((await testApp().get("/api/v1/status/buildinfo")).text);
    expect(answer).toMatchObject({ status: "success", data: { application: "narthex", version: "1.2.3" } });
  });

  it("say what is stored, and what was lost", async () => {
    const { database, get } = testApp();
    const block = { ulid: "01J", range: { minTime: -5, maxTime: 9 }, series: 1, samples: 2, bytes: 3 };
    database.answerStatus = () => ({
      ...emptyStatus,
      headSeries: 4,
      headRange: { minTime: 1, maxTime: 2 },
      walBytes: 6,
      blocks: [block],
      losses: ["wal/00000002 at byte 7: bad checksum"],
    });
    const { data } = JSON.parse((await get("/api/v1/status/tsdb")).text);
    expect(data).toMatchObject({
      headStats: { numSeries: 4, minTime: 1, maxTime: 2 },
      walBytes: 6,
      blocks: [{ ulid: "01J", minTime: -5, maxTime: 9, numSeries: 1, numSamples: 2, bytes: 3 }],
      losses: ["wal/00000002 at byte 7: bad checksum"],
    });
    const page = (await get("/metrics")).text;
    expect(page).toMatch(/^narthex_head_series 4$/m);
    expect(page).toMatch(/^narthex_block_bytes 3$/m);
    expect(page).toMatch(/^narthex_storage_losses 1$/m);
  });

  it("say what the process was told, and when", async () => {
    let reloads: ConfigStatus = { isLastReloadSuccessful: true, readAt: 2000 };
    const facts: ServerFacts = {
      ...{ startedAt: 1000, directory: "/srv", hostname: "cellar", retention: "90d or 50GB" },
      externalUrl: undefined,
      flags: { "config.file": "prometheus.yml" },
      config: () => "global: {}\n",
      reloads: () => reloads,
    };
    const { database, get } = testApp({}, { facts });
    const dataOf = async (path: string) => JSON.parse((await get(`/api/v1/${path}`)).text).data;
    expect(await dataOf("status/config")).toEqual({ yaml: "global: {}\n" });
    expect(await dataOf("status/flags")).toEqual({ "config.file": "prometheus.yml" });
    expect(await dataOf("status/walreplay")).toEqual({ min: 0, max: 0, current: 0 });
    expect(await dataOf("status/runtimeinfo")).toEqual({
      startTime: "1970-01-01T00:00:01Z",
      CWD: "/srv",
      hostname: "cellar",
      serverTime: "1970-01-01T00:16:40Z",
      reloadConfigSuccess: true,
      lastConfigTime: "1970-01-01T00:00:02Z",
      corruptionCount: 0,
      storageRetention: "90d or 50GB",
    });
    expect(await dataOf("notifications")).toEqual([]);

    const failure = { time: 3000, reason: "prometheus.yml:1:1: no" };
    reloads = { isLastReloadSuccessful: false, readAt: 2000, failure };
    const writeTrouble = { kind: "refused", since: 4000, reason: "no space left" } as const;
    database.answerStatus = () => ({ ...emptyStatus, losses: ["a"], writeTrouble });
    expect(await dataOf("notifications")).toEqual([
      {
        text: "Configuration reload has failed: prometheus.yml:1:1: no",
        date: "1970-01-01T00:00:03Z",
        active: true,
      },
      { text: "Nothing can be written: no space left", date: "1970-01-01T00:00:04Z", active: true },
    ]);
    expect(await dataOf("status/runtimeinfo")).toMatchObject({
      reloadConfigSuccess: false,
      corruptionCount: 1,
    });
  });

  it("answer HEAD, as those that only want to know ask", async () => {
    const { app } = testApp();
    for (const url of ["/-/healthy", "/-/ready", "/api/v1/status/runtimeinfo"])
      expect((await app.inject({ method: "HEAD", url })).statusCode).toBe(200);
  });

  it.each([
    ["refused", "narthex_writes_refused 1", "narthex_poisoned 0"],
    ["poisoned", "narthex_writes_refused 0", "narthex_poisoned 1"],
  ] as const)("say that writes are %s, since when and why", async (kind, ...lines) => {
    const { database, get } = testApp();
    const writesOf = async () => JSON.parse((await get("/api/v1/status/tsdb")).text).data.writes;
    expect(await writesOf()).toEqual({ state: "accepted", since: null, reason: null });
    const reason = "no space left: cannot write data/wal/00000001";
    database.answerStatus = () => ({ ...emptyStatus, writeTrouble: { kind, since: 1000, reason } });
    expect(await writesOf()).toEqual({ state: kind, since: "1970-01-01T00:00:01Z", reason });
    const page = (await get("/metrics")).text.split("\n");
    for (const line of lines) expect(page).toContain(line);
  });

  it("are ready only while the database is open", async () => {
    const { database, get } = testApp();
    expect((await get("/-/healthy")).status).toBe(200);
    expect((await get("/-/ready")).status).toBe(200);
    database.status = "poisoned";
    expect((await get("/-/healthy")).status).toBe(200);
    expect(failure(await get("/-/ready"))).toBe("503 error unavailable: the database is poisoned");
  });

  it("count requests by route, not by path", async () => {
    const { get } = testApp();
    await get("/api/v1/label/a/values");
    await get("/api/v1/label/b/values");
    await get("/no/such/page");
    const answer = await get("/metrics");
    expect(answer.type).toContain("text/plain; version=0.0.4");
    expect(answer.text).toContain(
      'narthex_http_requests_total{handler="/api/v1/label/:name/values",method="GET",code="200"} 2',
    );
    expect(answer.text).toContain('narthex_http_requests_total{handler="unknown",method="GET",code="404"} 1');
    expect(answer.text).toContain("process_cpu_seconds_total");
  });

  it("greet a person with links that work", async () => {
    const { get } = testApp();
    const { text, type } = await get("/");
    expect(type).toContain("text/html");
    const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, link]) => link!.replaceAll("&amp;", "&"));
    expect(links.length).toBeGreaterThan(4);
    for (const link of links) expect([link, (await get(link)).status]).toEqual([link, 200]);
  });
});

describe("unknown paths", () => {
  it.each(["/api/v1/nope", "/nope?query=secret"])("%s", async (path) => {
    expect(failure(await testApp().get(path))).toBe(
      `404 error not_found: nothing answers GET ${path.split("?")[0]}; GET / lists what does`,
    );
  });

  it("and methods", async () => {
    const { app } = testApp();
    const answer = await app.inject({ method: "DELETE", url: "/api/v1/query" });
    expect([answer.statusCode, answer.json().errorType]).toEqual([404, "not_found"]);
  });
});
