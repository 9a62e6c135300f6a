import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { encodeWriteRequest } from "../../../src/ingest/remote-write/write-request.js";
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
    expect(page).toContain('narthex_ingested_samples_total{protocol="exposition"} 1');
    expect(page).toContain('narthex_refused_samples_total{protocol="exposition",reason="duplicate-time"} 2');
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

describe("POST /api/v1/write", () => {
  const headers = { "content-type": "application/x-protobuf", "content-encoding": "snappy" };
  const up = Labels.from({ __name__: "up" });
  const nameless = Labels.fromSorted(["", "__name__"], ["x", "a"]);

  it("takes remote write 1.0", async () => {
    const { database, post } = testApp();
    for (const type of ["application/x-protobuf", "application/x-protobuf;proto=prometheus.WriteRequest"]) {
      const answer = await post("/api/v1/write", requestOf(Labels.from({ __name__: "up", job: "a" })), {
        ...headers,
        "content-type": type,
      });
      expect([answer.status, answer.text]).toEqual([204, ""]);
    }
    expect(database.samples).toEqual(['up{job="a"} 1.5 @7', 'up{job="a"} 1.5 @7']);
  });

  it("keeps the valid series of a request and names the others", async () => {
    const { database, post } = testApp();
    const answer = await post("/api/v1/write", requestOf(up, nameless), headers);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ appended: 1, malformed: { count: 1 } });
    expect(database.samples).toEqual(["up 1.5 @7"]);
  });

  it.each([
    [{ "content-type": "application/json" }, "remote write is application/x-protobuf, not application/json"],
    [
      { "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request" },
      "application/x-protobuf;proto=io.prometheus.write.v2.Request is not spoken here; send remote write 1.0 (prometheus.WriteRequest)",
    ],
    [{ "content-encoding": "gzip" }, "remote write is encoded with snappy, not gzip"],
  ])("refuses %j", async (changed, reason) => {
    const answer = await testApp().post("/api/v1/write", requestOf(up), { ...headers, ...changed });
    expect(failure(answer)).toBe(`415 error unsupported_media_type: ${reason}`);
  });

  it("refuses what is no message, and what is too large before or after decoding", async () => {
    const { database, post } = testApp({ pushSizeBytes: 1000 });
    expect((await post("/api/v1/write", "x", headers)).status).toBe(400);
    expect((await post("/api/v1/write", "x".repeat(1001), headers)).status).toBe(413);
    // The length that the block claims is 2 GiB.
    const bomb = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x08, 0x00);
    expect((await post("/api/v1/write", bomb, headers)).status).toBe(413);
    expect(database.samples).toEqual([]);
  });
});

/** A request of one sample, 1.5 at 7 ms, for each label set. */
function requestOf(...labelSets: Labels[]): Uint8Array {
  const samples = { times: Float64Array.of(7), values: Float64Array.of(1.5), length: 1 };
  return encodeWriteRequest(labelSets.map((labels) => ({ labels, samples })));
}
