import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columnKernel } from "../../../../src/kernels/column-kernel.js";
import { XorAppender } from "../../../../src/kernels/xor-appender.js";
import { NotImplementedError } from "../../../../src/model/errors.js";
import { ALL_TIME } from "../../../../src/model/sample.js";
import { CHUNK_XOR, type EncodedChunk } from "../../../../src/model/series.js";
import { isStaleAt, markStaleAt } from "../../../../src/model/staleness.js";
import { countSamples, loadSamples } from "../../../../src/query/eval/leaf/load-samples.js";

type Sample = readonly [time: number, value: number | "stale"];

function chunk(samples: readonly Sample[]): EncodedChunk {
  const appender = new XorAppender();
  const value = new Float64Array(1);
  for (const [time, point] of samples) {
    if (point === "stale") markStaleAt(value, 0);
    else value[0] = point;
    appender.append(time, value, 0);
  }
  const { minTime, maxTime, count } = appender;
  return { encoding: CHUNK_XOR, minTime, maxTime, count, bytes: appender.bytes().slice() };
}

function load(chunks: readonly EncodedChunk[], range = ALL_TIME, dropStale = true): readonly Sample[] {
  const kernel = columnKernel();
  loadSamples(kernel, chunks, { range, dropStale });
  const values = kernel.values();
  return Array.from(kernel.times(), (time, i) => [time, isStaleAt(values, i) ? "stale" : values[i]!]);
}

describe("loadSamples", () => {
  it("puts chunks in order behind one another and cuts at the range", () => {
    const chunks = [
      chunk([
        [1, 10],
        [2, 20],
      ]),
      chunk([
        [3, 30],
        [4, 40],
      ]),
    ];
    expect(load(chunks)).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
    ]);
    expect(load(chunks, { minTime: 2, maxTime: 3 })).toEqual([
      [2, 20],
      [3, 30],
    ]);
    expect(countSamples(chunks, { minTime: 4, maxTime: 9 })).toBe(2);
  });

  it("merges chunks that overlap or stand in the wrong order", () => {
    expect(
      load([
        chunk([
          [3, 30],
          [5, 50],
        ]),
        chunk([
          [1, 10],
          [4, 40],
        ]),
      ]),
    ).toEqual([
      [1, 10],
      [3, 30],
      [4, 40],
      [5, 50],
    ]);
  });

  it("takes the earlier chunk's sample of two with one time", () => {
    expect(
      load([
        chunk([
          [2, 1],
          [9, 1],
        ]),
        chunk([
          [2, 2],
          [3, 2],
        ]),
      ]),
    ).toEqual([
      [2, 1],
      [3, 2],
      [9, 1],
    ]);
  });

  it("drops a staleness marker only after it has hidden what is behind it", () => {
    const chunks = [
      chunk([
        [2, "stale"],
        [9, 1],
      ]),
      chunk([
        [2, 2],
        [3, 2],
      ]),
    ];
    expect(load(chunks)).toEqual([
      [3, 2],
      [9, 1],
    ]);
    expect(load(chunks, ALL_TIME, false)).toEqual([
      [2, "stale"],
      [3, 2],
      [9, 1],
    ]);
  });

  it("refuses other encodings, but only where they are asked for", () => {
    const histogram: EncodedChunk = {
      encoding: 3,
      minTime: 5,
      maxTime: 6,
      count: 1,
      bytes: new Uint8Array(4),
    };
    const chunks = [chunk([[1, 10]]), histogram];
    expect(() => load(chunks)).toThrow(NotImplementedError);
    expect(load(chunks, { minTime: 0, maxTime: 4 })).toEqual([[1, 10]]);
  });

  it("agrees with a map, whatever the chunks", () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(times, { maxLength: 5 }), (lists) => {
        const expected = new Map<number, number>();
        const chunks = lists.map((list, value) => {
          const sorted = [...list].sort((a, b) => a - b);
          for (const time of sorted) if (!expected.has(time)) expected.set(time, value);
          return chunk(sorted.map((time) => [time, value]));
        });
        expect(load(chunks)).toEqual([...expected].sort(([a], [b]) => a - b));
      }),
    );
  });
});
