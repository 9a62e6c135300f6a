/**
 * InfluxDB's own client for Node, version 2's write API, over real sockets: compressed and not, by precision, with a
 * line that is no line, and against a server that is busy at first.
 */

import { HttpError, InfluxDB, Point, setLogger, type WritePrecisionType } from "@influxdata/influxdb-client";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.js";
import { UnavailableError } from "../../src/model/errors.js";
import { DatabaseDouble } from "../support/database-double.js";
import { eventually } from "../support/eventually.js";
import { FakeClock } from "../support/fake-clock.js";

setLogger({ error: () => {}, warn: () => {} });

const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

async function startOurs() {
  const clock = new FakeClock(1_763_640_100_000);
  const database = new DatabaseDouble(clock);
  const app = buildApp({ database, clock, version: "test", onEvent: () => {} });
  const encodings: (string | undefined)[] = [];
  app.addHook("onRequest", async ({ headers }) => encodings.push(headers["content-encoding"]) as never);
  apps.push(app);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return { database, encodings, url };
}

function writer(url: string, precision: WritePrecisionType, gzipThreshold: number) {
  const writeOptions = { gzipThreshold, flushInterval: 10, maxRetries: 3, minRetryDelay: 10, retryJitter: 0 };
  return new InfluxDB({ url, token: "none" }).getWriteApi("home", "sensors", precision, {
    ...writeOptions,
    writeFailed: () => {},
  });
}

function reading(): Point {
  return new Point("weather station")
    .tag("room", "at,tic")
    .tag("floor", "3")
    .floatField("celsius", 21.4)
    .intField("windows", 2)
    .booleanField("open", true)
    .stringField("state", 'ajar, "more or less"');
}

const stored = (
  [
    ["celsius", 21.4],
    ["open", 1],
    ["windows", 2],
  ] as const
).map(
  ([field, value]) =>
    `{__name__="weather station_${field}", floor="3", room="at,tic"} ${value} @1763640000000`,
);

describe("InfluxDB's client", () => {
  it.each([
    ["s", 1_763_640_000, 0, "gzip"],
    ["ms", 1_763_640_000_000, 0, "gzip"],
    ["us", "1763640000000999", 1000, undefined],
    ["ns", "1763640000000999999", 1000, undefined],
  ] as const)("writes points with times in %s", async (precision, time, gzipThreshold, encoding) => {
    const { database, encodings, url } = await startOurs();
    const api = writer(url, precision, gzipThreshold);
    api.writePoint(reading().timestamp(time));
    await api.close();
    expect(database.samples).toEqual(stored);
    expect(encodings).toEqual([encoding]);
  });

  it("is told what of a write could not be read, and does not send it again", async () => {
    const { database, encodings, url } = await startOurs();
    const api = writer(url, "ms", 1000);
    api.writeRecords([
      "room celsius=21.4 1763640000000",
      "room celsius=warm",
      "room humidity=0.4 1763640000000",
    ]);
    const failure = await api.close().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(HttpError);
    const { statusCode, message, code } = failure as HttpError;
    expect([statusCode, code]).toEqual([400, "invalid"]);
    expect(message).toMatch(/^partial write: line 2: "warm" is no value.*2 kept, 0 rejected, 1 malformed/);
    expect(database.samples).toEqual([
      "room_celsius 21.4 @1763640000000",
      "room_humidity 0.4 @1763640000000",
    ]);
    expect(encodings).toHaveLength(1);
  });

  it("sends again what a busy server did not take", async () => {
    const { database, encodings, url } = await startOurs();
    let refusals = 1;
    database.answerCommit = (appended) => {
      if (refusals-- > 0) throw new UnavailableError("the log is behind");
      return { appended, rejected: new Map() };
    };
    const api = writer(url, "ms", 1000);
    api.writePoint(reading().timestamp(1_763_640_000_000));
    await eventually(() => expect(database.samples).toEqual(stored));
    expect(encodings).toHaveLength(2);
    await api.close();
  });
});
