import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SampleColumns } from "../../../src/model/sample.js";
import { CHUNK_DENSE, CHUNK_XOR, type EncodedChunk } from "../../../src/model/series.js";
import { markStaleAt } from "../../../src/model/staleness.js";
import {
  DENSE_SAMPLES_PER_CHUNK,
  decodeChunk,
  encodeAdaptively,
  encodeChunk,
  encodeChunks,
} from "../../../src/storage/chunk/encode-chunks.js";
import { recodeChunks } from "../../../src/storage/chunk/recode-chunks.js";
import { mergeChunks } from "../../../src/storage/chunk/sort-samples.js";

/** A gauge of two decimals, one sample each 15 s. */
function gauge(start: number, length: number): SampleColumns {
  const times = Float64Array.from({ length }, (_, i) => (start + i) * 15_000);
  const values = Float64Array.from({ length }, (_, i) => (((start + i) * 37) % 101) / 100);
  return { times, values, length };
}

const shapeOf = (chunks: Iterable<EncodedChunk>) =>
  [...chunks].map(({ encoding, count }) => [encoding === CHUNK_DENSE ? "dense" : encoding, count]);

const samplesOf = (chunks: readonly EncodedChunk[]) => {
  const { times, values, length } = mergeChunks(chunks);
  return [
    [...times.subarray(0, length)],
    Buffer.from(values.buffer, values.byteOffset, length * 8).toString("hex"),
  ];
};

describe("recodeChunks", () => {
  it("makes dense chunks of XOR neighbours, up to their usual length", () => {
    const recoded = [...recodeChunks(encodeChunks(gauge(0, 1200)), "adaptive")];
    expect(shapeOf(recoded)).toEqual([
      ["dense", 480],
      ["dense", 480],
      ["dense", 240],
    ]);
  });

  it("hands a dense chunk on as it is, unless a neighbour fits into it", () => {
    const long = encodeAdaptively(gauge(0, DENSE_SAMPLES_PER_CHUNK));
    const short = encodeAdaptively(gauge(1000, 300));
    const [first, ...rest] = recodeChunks([...long, ...short, ...encodeChunks(gauge(2000, 120))], "adaptive");
    expect(first!.bytes).toBe(long[0]!.bytes);
    expect(shapeOf(rest)).toEqual([["dense", 420]]);
  });

  it("leaves XOR where dense is not smaller", () => {
    const noise = gauge(0, 3);
    for (let i = 0; i < 3; i++) noise.values[i] = Math.sqrt(i + 2) * 10 ** (i * 50 - 50);
    const xor = encodeChunks(noise);
    expect(encodeAdaptively(noise)[0]!.encoding).toBe(CHUNK_XOR);
    expect([...recodeChunks(xor, "adaptive")]).toEqual(xor);
  });

  it("brings back XOR alone, in chunks of the usual length", () => {
    const dense = encodeAdaptively(gauge(0, 960));
    const recoded = [...recodeChunks(dense, "gorilla")];
    expect(recoded).toEqual(encodeChunks(gauge(0, 960)));
    expect(shapeOf(recodeChunks(encodeAdaptively(gauge(0, 70)), "gorilla"))).toEqual([[CHUNK_XOR, 70]]);
  });

  it.each(["gorilla", "adaptive"] as const)("leaves unknown encodings alone (%s)", (encoding) => {
    const unknown = { ...encodeChunk(gauge(10, 10)), encoding: 2 };
    expect([...recodeChunks([unknown], encoding)]).toEqual([unknown]);
    const among = [encodeChunk(gauge(0, 10)), unknown, encodeChunk(gauge(20, 10))];
    expect([...recodeChunks(among, encoding)][1]!.bytes).toBe(unknown.bytes);
  });

  it("keeps every sample, of equal times the first, in chunks apart, whatever comes", () => {
    const one = fc
      .record({
        times: fc.uniqueArray(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 500 }),
        value: fc.constantFrom(0, -0, 1.25, NaN, Infinity, 1e300),
        isStale: fc.boolean(),
        isDense: fc.boolean(),
      })
      .map(({ times, value, isStale, isDense }) => {
        const sorted = Float64Array.from(times).sort();
        const values = sorted.map((time) => value + time);
        if (isStale) markStaleAt(values, values.length - 1);
        const columns = { times: sorted, values, length: sorted.length };
        return isDense ? encodeAdaptively(columns) : encodeChunks(columns);
      });
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 5 }),
        fc.constantFrom("gorilla", "adaptive"),
        (lists, encoding) => {
          const chunks = lists.flat();
          const recoded = [...recodeChunks(chunks, encoding)];
          expect(samplesOf(recoded)).toEqual(samplesOf(chunks));
          for (const [i, chunk] of recoded.entries()) {
            if (i > 0) expect(chunk.minTime).toBeGreaterThan(recoded[i - 1]!.maxTime);
            if (encoding === "gorilla") expect(chunk.encoding).toBe(CHUNK_XOR);
            expect(chunk.count).toBeLessThanOrEqual(DENSE_SAMPLES_PER_CHUNK);
            const { times } = decodeChunk(chunk);
            expect([times[0], times.at(-1)]).toEqual([chunk.minTime, chunk.maxTime]);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
