import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NotImplementedError } from "../../../src/model/errors.js";
import type { SampleColumns } from "../../../src/model/sample.js";
import { isStaleAt, markStaleAt } from "../../../src/model/staleness.js";
import {
  decodeChunk,
  encodeChunk,
  encodeChunks,
  sliceColumns,
} from "../../../src/storage/chunk/encode-chunks.js";
import { mergeChunks, sortSamples } from "../../../src/storage/chunk/sort-samples.js";

function columns(samples: readonly (readonly [time: number, value: number])[]): SampleColumns {
  return {
    times: Float64Array.from(samples, ([time]) => time),
    values: Float64Array.from(samples, ([, value]) => value),
    length: samples.length,
  };
}

const samplesOf = ({ times, values, length }: SampleColumns) =>
  Array.from({ length }, (_, i) => [times[i]!, values[i]!] as const);

const samples = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: 0, max: 3 })));

describe("sortSamples", () => {
  it("sorts by time, keeps the first of equal times and reports the others that differ", () => {
    fc.assert(
      fc.property(samples, (given) => {
        const model = new Map<number, number>();
        const conflicts = given.flatMap(([time, value], i) => {
          if (!model.has(time)) model.set(time, value);
          return model.get(time) === value ? [] : [i];
        });
        const reported: number[] = [];
        const sorted = sortSamples(columns(given), (index) => reported.push(index));
        expect(samplesOf(sorted)).toEqual([...model].sort(([a], [b]) => a - b));
        expect(reported.sort((a, b) => a - b)).toEqual(conflicts);
      }),
    );
  });

  it("keeps staleness markers", () => {
    const given = columns([
      [2, 0],
      [1, 1],
      [2, 5],
    ]);
    markStaleAt(given.values, 0);
    const sorted = sortSamples(given);
    expect([sorted.length, isStaleAt(sorted.values, 1), sorted.values[0]]).toEqual([2, true, 1]);
  });
});

describe("encodeChunks", () => {
  it("cuts evenly, and decodes to what it was given", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 200 }), (length, most) => {
        const given = columns(Array.from({ length }, (_, i) => [i * 3 - 100, i / 7]));
        const chunks = encodeChunks(given, most);
        const counts = chunks.map(({ count }) => count);
        expect(counts.length).toBe(Math.ceil(length / most));
        const even = length / counts.length;
        for (const count of counts) expect(Math.abs(count - even)).toBeLessThan(1);
        expect(chunks.flatMap((chunk) => samplesOf(decodeChunk(chunk)))).toEqual(samplesOf(given));
        for (const chunk of chunks) {
          const { times } = decodeChunk(chunk);
          expect([chunk.minTime, chunk.maxTime]).toEqual([times[0], times.at(-1)]);
        }
      }),
    );
  });

  it("says which encodings it cannot decode", () => {
    const chunk = encodeChunk(columns([[1, 1]]));
    expect(() => decodeChunk({ ...chunk, encoding: 2 })).toThrow(NotImplementedError);
  });
});

describe("mergeChunks", () => {
  it("gives each time once, the earlier chunk's value counting", () => {
    fc.assert(
      fc.property(fc.array(samples.filter(({ length }) => length > 0)), (lists) => {
        const chunks = lists.map((list) => encodeChunk(sortSamples(columns(list))));
        const all = sortSamples(columns(chunks.flatMap((chunk) => samplesOf(decodeChunk(chunk)))));
        expect(samplesOf(mergeChunks(chunks))).toEqual(samplesOf(all));
      }),
    );
  });

  it("slices by index", () => {
    expect(
      samplesOf(
        sliceColumns(
          columns([
            [1, 1],
            [2, 2],
            [3, 3],
          ]),
          1,
          2,
        ),
      ),
    ).toEqual([[2, 2]]);
  });
});
