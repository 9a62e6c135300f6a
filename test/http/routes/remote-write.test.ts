import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { WriteRefusedError } from "../../../src/model/errors.js";
import {
  bytesField,
  metricMetadata,
  Request2,
  request2,
  type SeriesFields,
  STALE_BITS,
  timeSeries,
  writeRequest,
} from "../../support/remote-write-bodies.js";
import { testApp } from "../test-app.js";

const headers1 = { "content-type": "application/x-protobuf", "content-encoding": "snappy" };
const headers2 = {
  ...headers1,
  "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
};

function series(labels: Record<string, string>, more: Partial<SeriesFields> = {}): SeriesFields {
  return { labels: Object.entries(labels), samples: [{ time: 7, value: 1.5 }], ...more };
}
const up = series({ __name__: "up", job: "a" });
const nameless = series({ job: "a" });

const versions = [
  {
    version: "1.0",
    headers: headers1,
    bodyOf: (...all: SeriesFields[]) => writeRequest(...all.map(timeSeries)),
  },
  { version: "2.0", headers: headers2, bodyOf: request2 },
] as const;

function setUp(...limits: Parameters<typeof testApp>) {
  const { app, database } = testApp(...limits);
  const post = async (body: Uint8Array, headers: Record<string, string>) => {
    const request = { method: "POST", url: "/api/v1/write", headers, payload: Buffer.from(body) } as const;
    const { statusCode, headers: told, body: text } = await app.inject(request);
    const written = ["samples", "histograms", "exemplars"].map(
      (kind) => told[`x-prometheus-remote-write-${kind}-written`],
    );
    const error = text === "" ? "" : (JSON.parse(text).error as string);
    return { status: statusCode, text, error, written, retryAfter: told["retry-after"] };
  };
  return { database, post };
}

describe.each(versions)("POST /api/v1/write, $version", ({ version, headers, bodyOf }) => {
  const is2 = version === "2.0";
  const written = (samples: number) =>
    is2 ? [String(samples), "0", "0"] : [undefined, undefined, undefined];

  it("answers 204 when all is stored, with what was written only to 2.0", async () => {
    const { database, post } = setUp();
    for (let round = 0; round < 2; round++)
      expect(await post(bodyOf(up), headers)).toMatchObject({ status: 204, text: "", written: written(1) });
    expect(database.samples).toEqual(['up{job="a"} 1.5 @7', 'up{job="a"} 1.5 @7']);
  });

  it("takes an empty request", async () => {
    expect(await setUp().post(bodyOf(), headers)).toMatchObject({ status: 204, written: written(0) });
  });

  it("stores staleness markers and ordinary NaNs apart", async () => {
    const { database, post } = setUp();
    const samples = [
      { time: 1, value: Number.NaN },
      { time: 2, value: STALE_BITS },
    ];
    await post(bodyOf(series({ __name__: "a" }, { samples })), headers);
    expect(database.samples).toEqual(["a NaN @1", "a stale @2"]);
  });

  it("keeps the valid series of a request and names the others", async () => {
    const { database, post } = setUp();
    const answer = await post(bodyOf(up, nameless, up), headers);
    expect(answer).toMatchObject({ status: 400, written: written(2) });
    expect(answer.error).toBe(
      "series 2: the series has no metric name (samples: 2 kept, 0 rejected, 1 malformed)",
    );
    expect(database.samples).toEqual(['up{job="a"} 1.5 @7', 'up{job="a"} 1.5 @7']);
  });

  it("takes UTF-8 names, and labels in any order", async () => {
    const { database, post } = setUp();
    const odd = series({ "instance.name": "web\n1", __name__: "cpu usage", "job name": "größe" });
    expect((await post(bodyOf(odd), headers)).status).toBe(204);
    expect(database.samples).toHaveLength(1);
  });

  it("refuses native histograms, with the samples beside them stored", async () => {
    const { database, post } = setUp();
    const histogram = series({ __name__: "h" }, { samples: [], histograms: 2 });
    const answer = await post(bodyOf(up, histogram), headers);
    expect(answer).toMatchObject({ status: 400, written: written(1) });
    expect(answer.error).toBe("not stored here: 2 native histograms; all 1 samples are stored");
    expect(database.samples).toHaveLength(1);
  });

  it("says which of two kinds of trouble came first when there are both", async () => {
    const histogram = series({ __name__: "h" }, { samples: [], histograms: 1 });
    const { error } = await setUp().post(bodyOf(nameless, histogram), headers);
    expect(error).toBe(
      "not stored here: 1 native histogram; series 1: the series has no metric name (samples: 0 kept, 0 rejected, 1 malformed)",
    );
  });

  it("counts exemplars, and tells 2.0 that they are not stored", async () => {
    const { database, post } = setUp();
    const answer = await post(bodyOf(series({ __name__: "a" }, { exemplars: 3 })), headers);
    expect(answer).toMatchObject(
      is2
        ? {
            status: 400,
            error: "not stored here: 3 exemplars; all 1 samples are stored",
            written: written(1),
          }
        : { status: 204, written: written(0) },
    );
    expect(database.samples).toEqual(["a 1.5 @7"]);
  });

  it.each([
    [{ "content-type": "application/json" }, "remote write is application/x-protobuf, not application/json"],
    [{ "content-type": "image/png" }, "remote write is application/x-protobuf, not image/png"],
    [
      { "content-type": "application/x-protobuf;proto=io.prometheus.write.v3.Request" },
      "the message io.prometheus.write.v3.Request is not spoken here; send prometheus.WriteRequest or io.prometheus.write.v2.Request",
    ],
    [{ "content-encoding": "gzip" }, "remote write is encoded with snappy, not gzip"],
    [{ "content-encoding": "deflate" }, "remote write is encoded with snappy, not deflate"],
  ])("answers 415 to %j, whatever the body is", async (changed, reason) => {
    const body = Buffer.from(bodyOf(up));
    body[0] = 0x30;
    expect(await setUp().post(body, { ...headers, ...changed })).toMatchObject({
      status: 415,
      error: reason,
    });
  });

  it("refuses what is no message, and stores nothing of it", async () => {
    const { database, post } = setUp();
    const broken = Buffer.concat([timeSeries(up), Buffer.of(0x0b)]);
    const body = is2 ? Buffer.concat([new Request2().add(up).message(), Buffer.of(0x0b)]) : broken;
    for (const bytes of [Buffer.from("x"), Buffer.of(0xff, ...bodyOf(up)), writeRequest(body)])
      expect(await post(bytes, headers)).toMatchObject({ status: 400, written: written(0) });
    expect(database.samples).toEqual([]);
  });

  it("refuses what is too large before or after decoding", async () => {
    const { database, post } = setUp({ pushSizeBytes: 1000 });
    expect(await post(Buffer.alloc(1001), headers)).toMatchObject({ status: 413, written: written(0) });
    // The length that the block claims is 2 GiB.
    expect((await post(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x08, 0x00), headers)).status).toBe(413);
    expect(database.samples).toEqual([]);
  });

  it("refuses large bodies while others hold the room for them", async () => {
    const { app } = testApp();
    const post = (payload: Buffer | Readable) =>
      app.inject({ method: "POST", url: "/api/v1/write", headers, payload });
    const large = Buffer.alloc(20 * 1024 * 1024);
    const beside: { statusCode: number; retryAfter: unknown }[] = [];
    async function* slow() {
      yield large;
      for (const payload of [large, Buffer.from(bodyOf(up)), large]) {
        const { statusCode, headers: told } = await post(payload);
        beside.push({ statusCode, retryAfter: told["retry-after"] });
      }
    }
    expect((await post(Readable.from(slow()))).statusCode).toBe(400);
    expect(beside.map(({ statusCode }) => statusCode)).toEqual([429, 204, 429]);
    expect(String(beside[0]?.retryAfter)).toBe("1");
    expect((await post(large)).statusCode).toBe(400);
  });

  it("says when to come again while the disk takes no writes", async () => {
    const { database, post } = setUp();
    database.answerCommit = () => {
      throw new WriteRefusedError("no space left: the disk is full");
    };
    const answer = await post(bodyOf(up), headers);
    expect(answer).toMatchObject({ status: 503, retryAfter: "10", written: written(0) });
  });
});

describe("POST /api/v1/write", () => {
  it("says of 2.0 exactly what was written when a large request fails in its middle", async () => {
    const { database, post } = setUp();
    const parts: number[] = [];
    database.answerCommit = (samples) => {
      if (parts.push(samples) > 1) throw new WriteRefusedError("no space left: the disk is full");
      return { appended: samples, rejected: new Map() };
    };
    const samples = Array.from({ length: 100 }, (_, time) => ({ time, value: time }));
    const many = Array.from({ length: 1200 }, (_, i) => series({ __name__: "m", i: String(i) }, { samples }));
    const answer = await post(request2(...many), headers2);
    expect(parts).toHaveLength(2);
    expect(answer).toMatchObject({ status: 503, written: [String(parts[0]), "0", "0"] });
  });

  it.each([
    {},
    { "content-type": "application/x-protobuf;proto=prometheus.WriteRequest" },
    { "content-type": "Application/X-Protobuf; proto=prometheus.WriteRequest", "content-encoding": "Snappy" },
  ])("takes a request with the headers %j for 1.0", async (headers) => {
    const { database, post } = setUp();
    expect((await post(writeRequest(timeSeries(up)), headers)).status).toBe(204);
    expect(database.samples).toHaveLength(1);
  });

  it("takes metadata of 1.0 alone", async () => {
    const body = writeRequest(metricMetadata("up", { type: 2, help: "Whether it is.", unit: "" }));
    expect((await setUp().post(body, headers1)).status).toBe(204);
  });

  it("sets series of 2.0 aside that break its rules", async () => {
    const { database, post } = setUp();
    const request = new Request2(["", "up"]).add(up);
    request.addFields(bytesField(1, Buffer.of(0, 1, 0)), bytesField(2, ""));
    request.addFields(bytesField(1, Buffer.of(0, 99)), bytesField(2, ""));
    const answer = await post(request.body(), headers2);
    expect(answer).toMatchObject({ status: 400, written: ["1", "0", "0"] });
    expect(JSON.parse(answer.text).malformed).toEqual({
      count: 2,
      first: [
        { line: 2, reason: "the series has a label without a value: its labels_refs are not in pairs" },
        { line: 3, reason: "the series refers to a symbol that the request does not have" },
      ],
    });
    expect(database.samples).toHaveLength(1);
  });
});
