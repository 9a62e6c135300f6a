import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SampleColumns } from "../../../src/model/sample.js";
import type { EncodedChunk } from "../../../src/model/series.js";
import { markStaleAt } from "../../../src/model/staleness.js";
import { decodeChunk, encodeChunk } from "../../../src/storage/chunk/encode-chunks.js";
import { joinChunks } from "../../../src/storage/chunk/join-chunks.js";
import { mergeChunks } from "../../../src/storage/chunk/sort-samples.js";

/** A chunk of `count` samples from `start` on, one a millisecond; `value` for all. */
function chunk(start: number, count: number, value = start): EncodedChunk {
  const times = Float64Array.from({ length: count }, (_, i) => start + i);
  return encodeChunk({ times, values: new Float64Array(count).fill(value), length: count });
}

const bitsOf = ({ times, values, length }: SampleColumns) => [
  [...times.subarray(0, length)],
  Buffer.from(values.buffer, values.byteOffset, length * 8).toString("hex"),
];

const samplesOf = (chunks: readonly EncodedChunk[]) => bitsOf(mergeChunks(chunks));

describe("joinChunks", () => {
  it("hands chunks on that neither overlap nor are small", () => {
    const chunks = [chunk(1000, 120), chunk(0, 100), chunk(200, 90)];
    const joined = joinChunks(chunks);
    expect(joined).toEqual([chunks[1], chunks[2], chunks[0]]);
    expect(joined[0]!.bytes).toBe(chunks[1]!.bytes);
  });

  it("joins small neighbours up to the usual size", () => {
    const joined = joinChunks([chunk(0, 40), chunk(40, 40), chunk(90, 40), chunk(200, 1), chunk(300, 120)]);
    expect(joined.map(({ minTime, count }) => [minTime, count])).toEqual([
      [0, 120],
      [200, 1],
      [300, 120],
    ]);
  });

  it("leaves chunks of another encoding alone", () => {
    const other = { ...chunk(40, 10), encoding: 2 };
    const chunks = [chunk(0, 10), other, chunk(60, 10)];
    expect(joinChunks(chunks)).toEqual(chunks);
  });

  it("keeps every sample, of equal times the first, in chunks apart, whatever comes", () => {
    const one = fc
      .tuple(
        fc.uniqueArray(fc.integer({ min: 0, max: 1500 }), { minLength: 1, maxLength: 120 }),
        fc.nat(),
        fc.nat(3),
      )
      .map(([times, value, stale]) => {
        const sorted = Float64Array.from(times).sort();
        const values = new Float64Array(sorted.length).fill(value);
        if (stale === 0) markStaleAt(values, 0);
        return encodeChunk({ times: sorted, values, length: sorted.length });
      });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 6 }), (chunks) => {
        const joined = joinChunks(chunks);
        expect(samplesOf(joined)).toEqual(samplesOf(chunks));
        for (const [i, { minTime, maxTime, count, ...each }] of joined.entries()) {
          if (i > 0) expect(minTime).toBeGreaterThan(joined[i - 1]!.maxTime);
          expect(count).toBeLessThanOrEqual(120);
          const { times } = decodeChunk({ minTime, maxTime, count, ...each });
          expect([times[0], times.at(-1)]).toEqual([minTime, maxTime]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
