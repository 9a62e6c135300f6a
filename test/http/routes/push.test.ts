import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { PoisonedError, WriteRefusedError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { failure, NOW, testApp } from "../test-app.js";

const path = "/api/v1/import/prometheus";

describe("POST /api/v1/import/prometheus", () => {
  it.each([
    ["a form, as curl sends", { "content-type": "application/x-www-form-urlencoded" }],
    ["text", { "content-type": "text/plain; version=0.0.4" }],
    ["no content type", {}],
  ])("takes %s", async (_title, headers) => {
    const { database, post } = testApp();
    const answer = await post(path, 'gh_celsius{gh="1"} 21.4\nb 2 5\n', headers);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(database.samples).toEqual([`gh_celsius{gh="1"} 21.4 @${NOW}`, "b 2 @5"]);
  });

  it("takes OpenMetrics, whose times are seconds", async () => {
    const { database, post } = testApp();
    const headers = { "content-type": "application/openmetrics-text; version=1.0.0" };
    expect((await post(path, "a 1 1.5\n# EOF\n", headers)).status).toBe(204);
    expect(database.samples).toEqual(["a 1 @1500"]);
  });

  it("is for this machine alone while nothing else is configured", async () => {
    const { app } = testApp();
    const payload = "a 1\n";
    const answer = await app.inject({ method: "POST", url: path, payload, remoteAddress: "192.168.7.7" });
    expect(answer.statusCode).toBe(403);
    expect(answer.json().error).toMatch(
      /^without push_configs only this machine may push, .*add push_configs/,
    );
  });

  it("asks for a token, and says when to come again", async () => {
    const { app, database } = testApp();
    await database.sources.configure([
      { jobName: "j", tokens: [{ token: "secret" }], limits: { requestsPerSecond: 0.1 } },
    ]);
    const push = (authorization: string) =>
      app.inject({ method: "POST", url: path, payload: 'a{instance="i"} 1\n', headers: { authorization } });
    expect((await push("Bearer wrong")).statusCode).toBe(401);
    const basic = `Basic ${Buffer.from("anybody:secret").toString("base64")}`;
    expect((await push(basic)).statusCode).toBe(204);
    const late = await push("Bearer secret");
    expect([late.statusCode, late.headers["retry-after"]]).toEqual([429, "1"]);
    expect(database.samples).toContain(`up{instance="i", job="j"} 1 @${NOW}`);
  });

  it("ends what a page leaves out, unless it is a part of one", async () => {
    const { database, clock, post } = testApp();
    await database.sources.configure([{ jobName: "j", tokens: [{ token: "t", labels: { instance: "i" } }] }]);
    const headers = { authorization: "Bearer t" };
    await post(path, "a 1\nb 2\n", headers);
    clock.advance(1500);
    await post(`${path}?state=partial`, "a 1\n", headers);
    expect(database.samples.join("\n")).not.toContain("stale");
    clock.advance(1500);
    await post(path, "a 1\n", headers);
    expect(database.samples).toContain(`b{instance="i", job="j"} stale @${NOW + 3000}`);
    expect((await post(`${path}?state=some`, "a 1\n", headers)).status).toBe(400);
  });

  it("takes gzip", async () => {
    const { database, post } = testApp();
    expect((await post(path, gzipSync("a 1\n"), { "content-encoding": "gzip" })).status).toBe(204);
    expect(database.samples).toEqual([`a 1 @${NOW}`]);
  });

  it("takes an empty body", async () => {
    expect((await testApp().post(path)).status).toBe(204);
  });

  it("keeps what it can read and names what it cannot", async () => {
    const { database, post } = testApp();
    const answer = await post(path, "a 1\nb one\nc 3\nd\n");
    const { error, appended, malformed, rejected } = JSON.parse(answer.text);
    expect(answer.status).toBe(400);
    expect(error).toMatch(/^line 2: .* \(samples: 2 kept, 0 rejected, 2 malformed\)$/);
    expect([appended, malformed.count, rejected]).toEqual([2, 2, {}]);
    expect(malformed.first.map(({ line }: { line: number }) => line)).toEqual([2, 4]);
    expect(database.samples).toEqual([`a 1 @${NOW}`, `c 3 @${NOW}`]);
  });

  it("names what storage rejects, with the first of each reason", async () => {
    const { database, post, get } = testApp();
    const first = { labels: Labels.from({ __name__: "a" }), time: 5, value: 1 };
    database.answerCommit = () => ({
      appended: 1,
      rejected: new Map([["duplicate-time", { count: 2, first }]]),
    });
    const answer = await post(path, "a 1 5\n");
    expect(JSON.parse(answer.text)).toEqual({
      status: "error",
      errorType: "bad_data",
      error: "duplicate-time: a at 5 ms (samples: 1 kept, 2 rejected, 0 malformed)",
      appended: 1,
      malformed: { count: 0, first: [] },
      rejected: { "duplicate-time": { count: 2, first: { labels: { __name__: "a" }, time: 5, value: "1" } } },
    });
    const page = (await get("/metrics")).text;
    expect(page).toContain('narthex_ingested_samples_total{protocol="text"} 1');
    expect(page).toContain('narthex_refused_samples_total{protocol="text",reason="duplicate-time"} 2');
  });

  it("acknowledges nothing when the commit fails", async () => {
    const { database, post } = testApp();
    database.answerCommit = () => {
      throw new PoisonedError("a sync failed; reopen the database");
    };
    expect(failure(await post(path, "a 1\n"))).toBe(
      "503 error unavailable: a sync failed; reopen the database",
    );
  });

  it("says when to try again while the disk takes no writes", async () => {
    const { app, database, post } = testApp();
    database.answerCommit = () => {
      throw new WriteRefusedError("no space left: the disk is full");
    };
    expect(failure(await post(path, "a 1\n"))).toBe("503 error unavailable: no space left: the disk is full");
    const { headers } = await app.inject({ method: "POST", url: path, payload: "a 1\n" });
    expect(headers["retry-after"]).toBe("10");
  });

  it("refuses what is too large, declared, arrived or decompressed", async () => {
    const { post, database } = testApp({ pushSizeBytes: 100, pushDecodedSizeBytes: 1000 });
    expect(failure(await post(path, "a 1\n".repeat(30)))).toBe(
      "413 error too_large: the body has 120 bytes or more; the limit is 100",
    );
    const bomb = gzipSync("a 1\n".repeat(1000));
    expect((await post(path, bomb, { "content-encoding": "gzip" })).status).toBe(413);
    expect(database.samples).toEqual([]);
  });

  it("counts a body without a declared length as it arrives", async () => {
    const { app } = testApp({ pushSizeBytes: 100 });
    async function* endless() {
      for (;;) yield Buffer.from("a 1\n");
    }
    const answer = await app.inject({
      method: "POST",
      url: path,
      headers: { "transfer-encoding": "chunked" },
      payload: Readable.from(endless()),
    });
    expect(answer.statusCode).toBe(413);
  });

  it("refuses encodings it does not know and gzip that is none", async () => {
    const { post } = testApp();
    expect(failure(await post(path, "a 1\n", { "content-encoding": "br" }))).toBe(
      "415 error unsupported_media_type: the content encoding br is not read here; send gzip, or none",
    );
    const broken = [Buffer.from("a 1\n"), gzipSync("a 1\n").subarray(0, 15)];
    for (const body of broken) {
      expect(failure(await post(path, body, { "content-encoding": "gzip" }))).toBe(
        "400 error bad_data: the body is not complete and valid gzip",
      );
    }
  });
});

describe("POST /api/v1/import", () => {
  it("takes lines as VictoriaMetrics exports them, and counts what it cannot read", async () => {
    const { database, post } = testApp();
    const line = '{"metric":{"__name__":"up","job":"x"},"values":[1,null],"timestamps":[5,6]}';
    expect((await post("/api/v1/import", `${line}\n`)).status).toBe(204);
    expect(database.samples).toEqual(['up{job="x"} 1 @5', 'up{job="x"} stale @6']);
    const answer = await post("/api/v1/import", `${line}\n{"metric":{},"values":[1,2,3]}\n`);
    expect(failure(answer)).toBe(
      "400 error bad_data: line 2: values and timestamps must be arrays of one length (samples: 2 kept, 0 rejected, 3 malformed)",
    );
  });
});
