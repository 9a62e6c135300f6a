import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/model/clock.js";
import {
  CorruptionError,
  NotImplementedError,
  ParseError,
  QueryCanceledError,
  QueryError,
  QueryLimitError,
  QueryTimeoutError,
} from "../../src/model/errors.js";
import { Labels } from "../../src/model/labels.js";
import type { Queryable } from "../../src/model/queryable.js";
import { QueryEngine, type QueryEngineOptions } from "../../src/query/engine.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemoryQueryable } from "../support/memory-queryable.js";

function engineWith(options: Partial<QueryEngineOptions> = {}): QueryEngine {
  return new QueryEngine({
    lookbackDeltaMs: 300_000,
    timeoutMs: 120_000,
    samplesMax: 1_000_000,
    bytesMax: 2 ** 26,
    features: new Set(),
    clock: new FakeClock(),
    defaultStepMs: 60_000,
    ...options,
  });
}

/** Three rooms, a sample a minute for an hour: 10, 20 and 30 plus the minute. */
function rooms(): MemoryQueryable {
  const series = new MemoryQueryable();
  ["attic", "cellar", "hall"].forEach((room, i) => {
    const labels = Labels.from({ __name__: "room_celsius", room });
    for (let minute = 0; minute <= 60; minute++)
      series.append(labels, minute * 60_000, 10 * (i + 1) + minute);
  });
  return series;
}

const hour = { start: 0, end: 3_600_000, stepMs: 60_000 };

describe("results", () => {
  it("gives a vector at the query's time, whenever its samples were", async () => {
    const result = await engineWith().instant(rooms(), 'room_celsius{room="attic"}', { time: 90_000 });
    expect(result).toMatchObject({ type: "vector", warnings: [], infos: [] });
    expect(result.type === "vector" && result.series).toEqual([
      { labels: Labels.from({ __name__: "room_celsius", room: "attic" }), time: 90_000, value: 11 },
    ]);
  });

  it("gives points per series in label order, absent steps left out", async () => {
    const query = { start: 3_600_000, end: 4_200_000, stepMs: 150_000 };
    const result = await engineWith().range(rooms(), "room_celsius", query);
    expect(result.type).toBe("matrix");
    if (result.type !== "matrix") return;
    expect(result.series.map(({ labels }) => labels.get("room"))).toEqual(["attic", "cellar", "hall"]);
    expect([...result.series[0]!.times]).toEqual([3_600_000, 3_750_000]);
    expect([...result.series[0]!.values]).toEqual([70, 70]);
  });

  it("gives scalars and strings, and a scalar's points in a range query", async () => {
    const engine = engineWith();
    expect(await engine.instant(rooms(), "1 + 1", { time: 5 })).toMatchObject({
      type: "scalar",
      time: 5,
      value: 2,
    });
    expect(await engine.instant(rooms(), '"text"', { time: 5 })).toMatchObject({
      type: "string",
      value: "text",
    });
    const result = await engine.range(rooms(), "time()", { start: 0, end: 2000, stepMs: 1000 });
    expect(result.type === "matrix" && [...result.series[0]!.values]).toEqual([0, 1, 2]);
  });

  it("gives raw samples for a range vector", async () => {
    const result = await engineWith().instant(rooms(), 'room_celsius{room="hall"}[2m]', { time: 600_000 });
    expect(result.type === "matrix" && [...result.series[0]!.times]).toEqual([540_000, 600_000]);
    expect(result.type === "matrix" && [...result.series[0]!.values]).toEqual([39, 40]);
  });

  it("gives nothing for a range that ends before it starts", async () => {
    const result = await engineWith().range(rooms(), "room_celsius", { start: 60_000, end: 0, stepMs: 1000 });
    expect(result).toMatchObject({ type: "matrix", series: [] });
  });

  it("looks back as far as the query says", async () => {
    const engine = engineWith();
    const late = { time: 3_600_000 + 400_000 };
    expect(await engine.instant(rooms(), "count(room_celsius)", late)).toMatchObject({ series: [] });
    const result = await engine.instant(rooms(), "count(room_celsius)", {
      ...late,
      lookbackDeltaMs: 600_000,
    });
    expect(result.type === "vector" && result.series[0]!.value).toBe(3);
  });
});

describe("refusals", () => {
  it("says where a query is wrong", async () => {
    const refused = engineWith().instant(rooms(), "sum(room_celsius", { time: 0 });
    await expect(refused).rejects.toThrow(ParseError);
  });

  it("has no range query of range vectors and strings", async () => {
    const engine = engineWith();
    await expect(engine.range(rooms(), "room_celsius[5m]", hour)).rejects.toThrow(
      'invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    );
    await expect(engine.range(rooms(), '"text"', hour)).rejects.toThrow('invalid expression type "string"');
  });

  it("asks for the feature flag of what is experimental", async () => {
    await expect(engineWith().instant(rooms(), "limitk(1, room_celsius)", { time: 0 })).rejects.toThrow(
      ParseError,
    );
    const engine = engineWith({ features: new Set(["promql-experimental-functions"]) });
    const result = await engine.instant(rooms(), "limitk(1, room_celsius)", { time: 0 });
    expect(result.type === "vector" && result.series.length).toBe(1);
  });

  it("names what it does not evaluate", async () => {
    const series = rooms();
    series.append(Labels.from({ __name__: "native" }), 0, "histogram");
    const refused = engineWith().instant(series, "native", { time: 0 });
    await expect(refused).rejects.toThrow(NotImplementedError);
    await expect(refused).rejects.toThrow("not implemented yet: native histograms");
  });

  it("passes on what storage says, and closes the querier", async () => {
    let closed = 0;
    const broken: Queryable = {
      querier: () => ({
        select: () => Promise.reject(new CorruptionError("a chunk is torn")),
        labelNames: async () => [],
        labelValues: async () => [],
        close: () => closed++,
      }),
    };
    await expect(engineWith().instant(broken, "a + b", { time: 0 })).rejects.toThrow(CorruptionError);
    expect(closed).toBe(1);
  });
});

describe("limits", () => {
  it("counts samples", async () => {
    const engine = engineWith({ samplesMax: 100 });
    await expect(engine.range(rooms(), "room_celsius", hour)).rejects.toThrow(
      "query processing would load too many samples into memory in query execution",
    );
    await expect(
      engine.instant(rooms(), "sum_over_time(room_celsius[30m])", { time: 1_800_000 }),
    ).resolves.toBeDefined();
    await expect(
      engineWith({ samplesMax: 20 }).instant(rooms(), "sum_over_time(room_celsius[30m])", {
        time: 1_800_000,
      }),
    ).rejects.toThrow(QueryLimitError);
  });

  it("lets an aggregation over many series pass that could not be held at once", async () => {
    const engine = engineWith({ samplesMax: 125 });
    const result = await engine.range(rooms(), "sum(room_celsius)", hour);
    expect(result.type === "matrix" && result.series[0]!.values[0]).toBe(60);
  });

  it("counts the bytes of chunks before they are loaded, and of columns", async () => {
    await expect(engineWith({ bytesMax: 100 }).instant(rooms(), "room_celsius", { time: 0 })).rejects.toThrow(
      QueryLimitError,
    );
    await expect(
      engineWith({ bytesMax: 4000 }).range(rooms(), "vector(1)", { ...hour, stepMs: 1000 }),
    ).rejects.toThrow("more than 4000 bytes");
  });

  it("stops at its deadline, in the middle of a long evaluation", async () => {
    let now = 0;
    const clock: Clock = { now: () => 0, monotonic: () => (now += 10), schedule: () => () => {} };
    const engine = engineWith({ clock, timeoutMs: 1000 });
    const slow = "sum(sum_over_time(room_celsius[1h:1s])) + ".repeat(40).concat("1");
    await expect(engine.range(rooms(), slow, { ...hour, stepMs: 30_000 })).rejects.toThrow(QueryTimeoutError);
  });

  it("takes a shorter timeout from the query, not a longer one", async () => {
    let now = 0;
    const clock: Clock = { now: () => 0, monotonic: () => (now += 100), schedule: () => () => {} };
    const refused = engineWith({ clock }).instant(rooms(), "room_celsius", { time: 0, timeoutMs: 150 });
    await expect(refused).rejects.toThrow(/^query timed out in /);
  });

  it("can be cancelled", async () => {
    const signal = AbortSignal.abort();
    const refused = engineWith().instant(rooms(), "room_celsius", { time: 0, signal });
    await expect(refused).rejects.toThrow(QueryCanceledError);
    await expect(refused).rejects.toThrow(/^query was canceled in /);
  });
});

describe("loading", () => {
  it("asks for all series in one go, for the times that are needed, once where leaves agree", async () => {
    const asked: { readonly range: unknown; readonly matchers: string }[] = [];
    const recording: Queryable = {
      querier: () => ({
        select: async (matchers, hints) => {
          asked.push({ range: hints?.range, matchers: matchers.join() });
          return [];
        },
        labelNames: async () => [],
        labelValues: async () => [],
        close: () => {},
      }),
    };
    const query = "rate(a_total[1m]) / rate(a_total[5m]) + b offset 1h";
    const pending = engineWith().range(recording, query, {
      start: 7_200_000,
      end: 7_260_000,
      stepMs: 30_000,
    });
    expect(asked.length).toBe(2);
    await pending;
    expect(asked[0]).toEqual({
      matchers: '__name__="a_total"',
      range: { minTime: 7_200_000 - 300_000 + 1, maxTime: 7_260_000 },
    });
    expect(asked[1]!.range).toEqual({ minTime: 3_600_000 - 300_000 + 1, maxTime: 3_660_000 });
  });

  it("does not touch storage for what needs none", async () => {
    const untouched: Queryable = {
      querier: () => {
        throw new QueryError("asked for a querier");
      },
    };
    expect(await engineWith().instant(untouched, "vector(1)", { time: 0 })).toMatchObject({ type: "vector" });
  });
});

describe("explain", () => {
  it("shows the tree, what is loaded and what is done once", () => {
    const text = engineWith().explain('sum by (room) (rate(x_total{a="b"}[5m])) > scalar(y @ end())', {
      start: 3_600_000,
      end: 7_200_000,
      stepMs: 60_000,
    });
    expect(text).toBe(
      [
        ">",
        "  sum by (room)",
        "    rate over 5m",
        '      select #0 {__name__="x_total", a="b"} (1970-01-01T00:55:00.000Z, 1970-01-01T02:00:00.000Z]',
        "  repeat 61 times",
        "    scalar",
        "      latest within 5m",
        '        select #1 {__name__="y"} (1970-01-01T01:55:00.000Z, 1970-01-01T02:00:00.000Z]',
        "",
      ].join("\n"),
    );
  });
});
