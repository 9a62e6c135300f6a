import { describe, expect, it } from "vitest";
import { SeriesList } from "../../../src/ingest/push/series-list.js";
import { SeriesColumns } from "../../../src/ingest/source/series-columns.js";
import { Source } from "../../../src/ingest/source/source.js";
import { SourceSeries } from "../../../src/ingest/source/source-series.js";
import { Labels } from "../../../src/model/labels.js";
import type { SeriesRef } from "../../../src/model/series.js";

const sources = [new Source("a", "1"), new Source("a", "2")];

function seriesOf(source: Source, ref: number): SourceSeries {
  const series = new SourceSeries(Labels.from({ __name__: "m", n: String(ref) }), source);
  series.ref = ref as SeriesRef;
  series.lastSeenMinute = 10;
  return series;
}

function rowsOf(series: SeriesList, numbers: readonly number[], times: readonly number[]) {
  return {
    series,
    seriesIndexes: Uint32Array.from(numbers),
    times: Float64Array.from(times),
    values: new Float64Array(numbers.length),
    length: numbers.length,
  };
}

const push = { number: 7, seenFrom: 10, latestTime: 1000 };

function learnt(list: SeriesList): SeriesColumns {
  const columns = new SeriesColumns(list);
  columns.reserve();
  for (let number = 0; number < list.length; number++) columns.learn(number, list.at(number) as SourceSeries);
  return columns;
}

describe("SeriesColumns", () => {
  const threeSeries = () =>
    new SeriesList([seriesOf(sources[0]!, 100), seriesOf(sources[0]!, 101), seriesOf(sources[1]!, 102)]);

  it("copies refs up to the first row of a source that the push has not met", () => {
    const list = threeSeries();
    const columns = learnt(list);
    const refs = new Uint32Array(3);
    const rows = rowsOf(list, [1, 0, 2], [1, 2, 3]);
    expect(columns.copyPlainRefs(rows, 0, push, refs)).toBe(0);
    columns.notePlain(0, push.number);
    expect(columns.copyPlainRefs(rows, 0, push, refs)).toBe(2);
    columns.notePlain(2, push.number);
    expect(columns.copyPlainRefs(rows, 2, push, refs)).toBe(3);
    expect([...refs]).toEqual([101, 100, 102]);
    expect(columns.copyPlainRefs(rows, 0, { ...push, number: 8 }, refs)).toBe(0);
  });

  it("stops where a series of a source with a life cycle is not live, but for those that the push has found so", () => {
    const list = threeSeries();
    const columns = learnt(list);
    const refs = new Uint32Array(3);
    const rows = rowsOf(list, [0, 1, 2], [1, 2, 3]);
    columns.noteLive(0, push.number);
    expect(columns.copyPlainRefs(rows, 0, push, refs)).toBe(0);
    const [first, second] = [0, 1].map((number) => list.at(number) as SourceSeries);
    first!.isLive = true;
    expect(columns.copyPlainRefs(rows, 0, push, refs)).toBe(1);
    second!.isLive = true;
    expect(columns.copyPlainRefs(rows, 0, push, refs)).toBe(2);
    expect(columns.copyPlainRefs(rows, 0, { ...push, number: 8 }, refs)).toBe(0);
    first!.isLive = false;
    second!.isLive = false;
  });

  it("stops where a number stands for another series, was not met lately, or the time is too late", () => {
    const list = threeSeries();
    const columns = learnt(list);
    columns.notePlain(0, push.number);
    const refs = new Uint32Array(2);
    list.release(1);
    const other = seriesOf(sources[0]!, 103);
    expect(list.add(other)).toBe(1);
    expect(columns.copyPlainRefs(rowsOf(list, [0, 1], [1, 1]), 0, push, refs)).toBe(1);
    columns.learn(1, other);
    expect(columns.copyPlainRefs(rowsOf(list, [0, 1], [1, 1]), 0, push, refs)).toBe(2);
    expect([...refs]).toEqual([100, 103]);
    expect(columns.copyPlainRefs(rowsOf(list, [0, 0], [1, 1001]), 0, push, refs)).toBe(1);
    expect(columns.copyPlainRefs(rowsOf(list, [0], [1]), 0, { ...push, seenFrom: 11 }, refs)).toBe(0);
  });

  it("knows nothing of a number that was never learnt, however long its list has become", () => {
    const list = threeSeries();
    const columns = learnt(list);
    columns.notePlain(0, push.number);
    for (let ref = 200; ref < 400; ref++) list.add(seriesOf(sources[0]!, ref));
    columns.reserve();
    const refs = new Uint32Array(2);
    expect(columns.copyPlainRefs(rowsOf(list, [1, 202], [1, 1]), 0, push, refs)).toBe(1);
    columns.learn(202, list.at(202) as SourceSeries);
    expect(columns.copyPlainRefs(rowsOf(list, [1, 202], [1, 1]), 0, push, refs)).toBe(2);
    expect([...refs]).toEqual([101, 399]);
  });
});
