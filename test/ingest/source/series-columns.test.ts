import { describe, expect, it } from "vitest";
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

function rowsOf(series: readonly SourceSeries[], numbers: readonly number[], times: readonly number[]) {
  return {
    series,
    seriesIndexes: Uint32Array.from(numbers),
    times: Float64Array.from(times),
    values: new Float64Array(numbers.length),
    length: numbers.length,
  };
}

const push = { number: 7, seenFrom: 10, latestTime: 1000 };

function learnt(list: readonly SourceSeries[]): SeriesColumns {
  const columns = new SeriesColumns();
  columns.reserve(list.length);
  for (const [number, series] of list.entries()) columns.learn(number, series);
  return columns;
}

describe("SeriesColumns", () => {
  const list = [seriesOf(sources[0]!, 100), seriesOf(sources[0]!, 101), seriesOf(sources[1]!, 102)];

  it("copies refs up to the first row of a source that the push has not met", () => {
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

  it("stops where a number stands for another series, was not met lately, or the time is too late", () => {
    const columns = learnt(list);
    columns.notePlain(0, push.number);
    const refs = new Uint32Array(2);
    const other = [list[0]!, seriesOf(sources[0]!, 103)];
    expect(columns.copyPlainRefs(rowsOf(other, [0, 1], [1, 1]), 0, push, refs)).toBe(1);
    columns.learn(1, other[1]!);
    expect(columns.copyPlainRefs(rowsOf(other, [0, 1], [1, 1]), 0, push, refs)).toBe(2);
    expect([...refs]).toEqual([100, 103]);
    expect(columns.copyPlainRefs(rowsOf(list, [0, 0], [1, 1001]), 0, push, refs)).toBe(1);
    expect(columns.copyPlainRefs(rowsOf(list, [0], [1]), 0, { ...push, seenFrom: 11 }, refs)).toBe(0);
  });
});
