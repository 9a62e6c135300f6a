/**
 * Long queries beside everything else: turns of the event loop, cancellation, deadlines, several at once.
 */

import { describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/model/clock.js";
import { QueryCanceledError, QueryLimitError, QueryTimeoutError } from "../../src/model/errors.js";
import { Labels } from "../../src/model/labels.js";
import type { Queryable } from "../../src/model/queryable.js";
import { QueryEngine, type QueryEngineOptions } from "../../src/query/engine.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemoryQueryable } from "../support/memory-queryable.js";

/** A clock on which every look takes 12 ms, more than a slice: work takes as long as it looks at the clock. */
function busyClock(): Clock {
  let now = 0;
  return { now: () => 0, monotonic: () => (now += 12), schedule: () => () => {} };
}

function engineWith(options: Partial<QueryEngineOptions> = {}): QueryEngine {
  return new QueryEngine({
    lookbackDeltaMs: 300_000,
    timeoutMs: 1e9,
    samplesMax: 50_000_000,
    bytesMax: 2 ** 30,
    features: new Set(),
    clock: busyClock(),
    defaultStepMs: 60_000,
    ...options,
  });
}

function machines(count: number): MemoryQueryable {
  const series = new MemoryQueryable();
  for (let n = 0; n < count; n++) {
    const labels = Labels.from({ __name__: "x_total", n: String(n) });
    for (let minute = 0; minute <= 60; minute++) series.append(labels, minute * 60_000, n * minute);
  }
  return series;
}

const hour = { start: 0, end: 3_600_000, stepMs: 1000 };

describe("a long query", () => {
  it.each([
    "sum(rate(x_total[5m]))",
    "x_total * 2 > 3 and on () vector(1)",
    "x_total / on (n) x_total",
    "topk(2, x_total)",
    "quantile(0.5, x_total)",
    'label_replace(x_total, "m", "$1", "n", "(.)")',
    "-x_total",
    "absent(x_total)",
    "sum_over_time(sum_over_time(vector(time())[20m:1s])[20m:1s])",
  ])("gives way: %s", async (query) => {
    let turns = 0;
    const nextTurn = async (): Promise<void> => void turns++;
    const queryable = machines(50);
    const inSlices = await engineWith({ nextTurn }).range(queryable, query, hour);
    expect(turns).toBeGreaterThan(3);
    const inOneGo = await engineWith({ clock: new FakeClock() }).range(queryable, query, hour);
    expect(inSlices).toEqual(inOneGo);
  });

  it("hears its cancellation between two slices", async () => {
    const controller = new AbortController();
    let turns = 0;
    const nextTurn = async (): Promise<void> => {
      if (++turns === 3) controller.abort();
    };
    const query = engineWith({ nextTurn }).range(machines(50), "sum(rate(x_total[5m]))", {
      ...hour,
      signal: controller.signal,
    });
    await expect(query).rejects.toThrow(QueryCanceledError);
    expect(turns).toBe(3);
  });

  it("ends at its deadline within the windows of one series", async () => {
    const query = "sum_over_time(sum_over_time(vector(time())[1d:1s])[1d:1s])";
    const engine = engineWith({ clock: systemClock });
    await expect(engine.instant(machines(1), query, { time: 0, timeoutMs: 100 })).rejects.toThrow(
      QueryTimeoutError,
    );
  });

  it("has a kernel to itself", async () => {
    const engine = engineWith();
    const queryable = machines(30);
    const queries = ["sum(rate(x_total[5m]))", "max_over_time(x_total[10m])", "avg(x_total)", "x_total * 3"];
    const together = await Promise.all(queries.map((query) => engine.range(queryable, query, hour)));
    const alone = engineWith({ clock: new FakeClock() });
    for (const [i, query] of queries.entries())
      expect(together[i]).toEqual(await alone.range(queryable, query, hour));
  });
});

describe("queries that run at once", () => {
  it("may together hold twice what one may, and give it back whatever became of them", async () => {
    const engine = engineWith({ bytesMax: 300_000 });
    const queryable = machines(5);
    const heavy = () => engine.range(queryable, "x_total * 2", hour);
    for (let round = 0; round < 2; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 6 }, heavy));
      const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.length).toBeLessThan(6);
      for (const reason of refused) expect(String(reason)).toContain("those that run beside it");
      await expect(heavy()).resolves.toBeDefined();
    }
  });
});

describe("a load that hangs", () => {
  function hanging(): { queryable: Queryable; closed: () => number; finish: () => void } {
    let closed = 0;
    let finish = (): void => {};
    const pending = new Promise<never[]>((resolve) => {
      finish = () => resolve([]);
    });
    const queryable: Queryable = {
      querier: () => ({
        select: () => pending,
        labelNames: async () => [],
        labelValues: async () => [],
        close: () => closed++,
      }),
    };
    return { queryable, closed: () => closed, finish };
  }

  it("ends at the deadline; the querier is closed when the load is over", async () => {
    const clock = new FakeClock();
    const { queryable, closed, finish } = hanging();
    const query = engineWith({ clock, timeoutMs: 1000 }).instant(queryable, "up", { time: 0 });
    clock.advance(1001);
    await expect(query).rejects.toThrow(QueryTimeoutError);
    expect(closed()).toBe(0);
    finish();
    await new Promise(setImmediate);
    expect(closed()).toBe(1);
  });

  it("ends when the query is cancelled", async () => {
    const controller = new AbortController();
    const clock = new FakeClock();
    const { queryable } = hanging();
    const query = engineWith({ clock }).instant(queryable, "up", { time: 0, signal: controller.signal });
    controller.abort();
    await expect(query).rejects.toThrow(QueryCanceledError);
    expect(clock.nextDue).toBeUndefined();
  });
});

describe("what a query makes", () => {
  it.each([
    ["subquery without series", "sum_over_time((nothing + time())[100y:1ms])", QueryLimitError],
    ["subquery as a result", "x_total[100y:1ms]", QueryLimitError],
    ["absent over a subquery", "absent_over_time(nothing[1h:1ms]) + vector(1)", undefined],
  ])("is counted before it is allocated: %s", async (_, query, error) => {
    const answer = engineWith({ clock: new FakeClock() }).instant(machines(1), query, { time: 3_600_000 });
    if (error === undefined) await expect(answer).resolves.toBeDefined();
    else await expect(answer).rejects.toThrow(error);
  });

  it("has label values of a limited length", async () => {
    const tenfold = (inner: string): string =>
      `label_replace(${inner}, "n", "$1$1$1$1$1$1$1$1$1$1", "n", "(.*)")`;
    let query = "x_total";
    for (let i = 0; i < 9; i++) query = tenfold(query);
    const engine = engineWith({ clock: new FakeClock() });
    await expect(engine.instant(machines(12), query, { time: 60_000 })).rejects.toThrow(QueryLimitError);
    const long = `label_join(x_total, "n", "${"-".repeat(40_000)}", "n", "n", "n")`;
    await expect(engine.instant(machines(1), long, { time: 60_000 })).rejects.toThrow(
      "a label value would be longer",
    );
  });

  it("has as many series as its bytes allow", async () => {
    const engine = engineWith({ clock: new FakeClock(), bytesMax: 400_000 });
    const query = 'count_values("v", vector(time()))';
    await expect(engine.range(machines(1), query, { ...hour, stepMs: 100_000 })).resolves.toBeDefined();
    await expect(engine.range(machines(1), query, { ...hour, stepMs: 10_000 })).rejects.toThrow(
      QueryLimitError,
    );
  });
});
