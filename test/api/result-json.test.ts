import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeQueryResult,
  encodeLabels,
  encodeQueryResult,
  encodeTime,
  joinPieces as textOf,
} from "../../src/api/result-json.js";
import type { QueryResult } from "../../src/api.js";
import { Labels } from "../../src/model/labels.js";

const none = { warnings: [], infos: [] };

describe("times", () => {
  it.each([
    [0, "0"],
    [10_000, "10"],
    [1_435_781_451_781, "1435781451.781"],
    [1500, "1.500"],
    [1, "0.001"],
    [-1, "-0.001"],
    [-1500, "-1.500"],
    [-62_135_596_800_000, "-62135596800"],
  ])("%d ms is %s s", (time, text) => expect(encodeTime(time)).toBe(text));
});

describe("labels", () => {
  it("keep their order, names like numbers included", () => {
    const labels = Labels.from({ __name__: "m", "1": "x", a: 'q"\n\u2028' });
    expect(encodeLabels(labels)).toBe('{"1":"x","__name__":"m","a":"q\\"\\n\u2028"}');
  });

  it("are JSON whatever they hold", () => {
    const pairs = fc.dictionary(
      fc.string({ minLength: 1, unit: "binary" }),
      fc.string({ minLength: 1, unit: "binary" }),
    );
    fc.assert(
      fc.property(pairs, (record) => {
        expect(JSON.parse(encodeLabels(Labels.from(record)))).toEqual({ ...record });
      }),
    );
  });
});

describe("results", () => {
  const labels = Labels.from({ __name__: "up", job: "x" });

  it("of each type", () => {
    const times = Float64Array.of(1000, 1500);
    const values = Float64Array.of(1, Number.NaN);
    expect(
      textOf(encodeQueryResult({ type: "vector", series: [{ labels, time: 1000, value: 2.5 }], ...none })),
    ).toBe('{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"x"},"value":[1,"2.5"]}]}');
    expect(textOf(encodeQueryResult({ type: "matrix", series: [{ labels, times, values }], ...none }))).toBe(
      '{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"x"},"values":[[1,"1"],[1.500,"NaN"]]}]}',
    );
    expect(textOf(encodeQueryResult({ type: "scalar", time: -1500, value: 1, ...none }))).toBe(
      '{"resultType":"scalar","result":[-1.500,"1"]}',
    );
    expect(textOf(encodeQueryResult({ type: "string", time: 0, value: 'a"b', ...none }))).toBe(
      '{"resultType":"string","result":[0,"a\\"b"]}',
    );
    expect(textOf(encodeQueryResult({ type: "vector", series: [], ...none }))).toBe(
      '{"resultType":"vector","result":[]}',
    );
  });

  it("come back as they were", () => {
    const value = fc.double();
    const time = fc.integer({ min: -(2 ** 44), max: 2 ** 44 });
    const samples = fc.array(fc.tuple(time, value), { maxLength: 5 });
    fc.assert(
      fc.property(samples, (pairs) => {
        const times = Float64Array.from(pairs, ([time]) => time);
        const values = Float64Array.from(pairs, ([, value]) => value);
        const result: QueryResult = { type: "matrix", series: [{ labels, times, values }], ...none };
        expect(decodeQueryResult(JSON.parse(textOf(encodeQueryResult(result))), none)).toEqual(result);
      }),
    );
  });
});
