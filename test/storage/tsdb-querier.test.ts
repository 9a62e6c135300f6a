import { describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import type { Matcher } from "../../src/model/matcher.js";
import type { Querier } from "../../src/model/queryable.js";
import type { TimeRange } from "../../src/model/sample.js";
import { CHUNK_XOR, type EncodedChunk, type Series } from "../../src/model/series.js";
import { mergeSeries, type StoragePart, TsdbQuerier } from "../../src/storage/tsdb-querier.js";

/** A chunk that is only looked at by its first time. */
const chunk = (minTime: number): EncodedChunk => ({
  encoding: CHUNK_XOR,
  minTime,
  maxTime: minTime,
  count: 1,
  bytes: new Uint8Array(0),
});
const series = (name: string, ...times: number[]): Series => ({
  labels: Labels.from({ name }),
  chunks: times.map(chunk),
});
const shown = (list: readonly Series[]) =>
  list.map(
    ({ labels, chunks }) => `${labels.get("name")}: ${chunks.map(({ minTime }) => minTime).join(" ")}`,
  );

function partOf(range: TimeRange | undefined, names: readonly string[], asked: string[] = []): StoragePart {
  const querier: Querier = {
    async select(matchers: readonly Matcher[], hints) {
      asked.push(`select ${names.join()} ${matchers.length} ${hints?.labelsOnly}`);
      return names.map((name) => series(name, range!.minTime));
    },
    labelNames: async () => names,
    labelValues: async (name) => names.map((each) => `${name}-${each}`),
    close() {},
  };
  return { range, querier: () => querier };
}

describe("mergeSeries", () => {
  it("joins the chunks of equal labels in the order of the lists, and keeps label order", () => {
    const lists = [
      [series("a", 1), series("c", 2)],
      [series("b", 3), series("c", 4)],
      [],
      [series("c", 1), series("d", 9)],
      [series("a", 0)],
    ];
    expect(shown(mergeSeries(lists))).toEqual(["a: 1 0", "b: 3", "c: 2 4 1", "d: 9"]);
    expect(mergeSeries([])).toEqual([]);
  });
});

describe("TsdbQuerier", () => {
  it("asks the parts that overlap the range, in order, all in one tick", async () => {
    const asked: string[] = [];
    const parts = [
      partOf({ minTime: 0, maxTime: 9 }, ["a"], asked),
      partOf({ minTime: 10, maxTime: 19 }, ["a", "b"], asked),
      partOf(undefined, ["c"], asked),
      partOf({ minTime: 20, maxTime: 29 }, ["b"], asked),
    ];
    const querier = new TsdbQuerier({ minTime: 9, maxTime: 25 }, (read) => read(parts));
    const selecting = querier.select([]);
    expect(asked.length).toBe(3);
    expect(shown(await selecting)).toEqual(["a: 0 10", "b: 10 20"]);
    asked.length = 0;
    await querier.select([], { range: { minTime: 12, maxTime: 13 }, labelsOnly: true });
    expect(asked).toEqual(["select a,b 0 true"]);
  });

  it("merges names and values by bytes, without repetition", async () => {
    const range = { minTime: 0, maxTime: 9 };
    const parts = [partOf(range, ["a", "\u{1f600}"]), partOf(range, ["a", "\uffee"])];
    const querier = new TsdbQuerier(range, (read) => read(parts));
    expect(await querier.labelNames()).toEqual(["a", "\uffee", "\u{1f600}"]);
    expect(await querier.labelValues("x")).toEqual(["x-a", "x-\uffee", "x-\u{1f600}"]);
  });
});
