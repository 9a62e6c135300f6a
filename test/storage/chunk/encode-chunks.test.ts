import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CorruptionError, NotImplementedError } from "../../../src/model/errors.js";
import type { SampleColumns } from "../../../src/model/sample.js";
import { CHUNK_DENSE, CHUNK_XOR, type EncodedChunk } from "../../../src/model/series.js";
import { decodeChunk, encodeAdaptively, encodeChunks } from "../../../src/storage/chunk/encode-chunks.js";

function columnsOf(length: number, valueAt: (index: number) => number): SampleColumns {
  const times = Float64Array.from({ length }, (_, i) => 1_700_000_000_000 + i * 15_000);
  return { times, values: Float64Array.from({ length }, (_, i) => valueAt(i)), length };
}

/** Bits that no chunk packs. */
function noise(index: number): number {
  return Math.sin(index * index) * 10 ** (index % 300);
}

function sizeOf(chunks: readonly EncodedChunk[]): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function decodeAll(chunks: readonly EncodedChunk[]): { times: number[]; values: number[] } {
  const parts = chunks.map(decodeChunk);
  return {
    times: parts.flatMap(({ times }) => [...times]),
    values: parts.flatMap(({ values }) => [...values]),
  };
}

describe.each([
  ["encodeChunks", encodeChunks],
  ["encodeAdaptively", encodeAdaptively],
])("%s", (_, encode) => {
  it("gives chunks that hold the samples, and say so", () => {
    const series = fc.constantFrom<(index: number) => number>(Math.sqrt, noise, Math.floor, () => 7);
    fc.assert(
      fc.property(fc.nat(2000), series, fc.integer({ min: 1, max: 1000 }), (length, valueAt, longest) => {
        const columns = columnsOf(length, valueAt);
        const chunks = encode(columns, longest);
        expect(decodeAll(chunks)).toEqual({ times: [...columns.times], values: [...columns.values] });
        for (const chunk of chunks) {
          const { times } = decodeChunk(chunk);
          expect([chunk.minTime, chunk.maxTime, chunk.count]).toEqual([times[0], times.at(-1), times.length]);
          expect(chunk.count).toBeLessThanOrEqual(longest);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("gives no chunks for no samples", () => {
    expect(encode(columnsOf(0, noise))).toEqual([]);
  });
});

describe("encodeAdaptively", () => {
  it("takes dense chunks of 480 samples where they are smaller", () => {
    const chunks = encodeAdaptively(columnsOf(960, (i) => ((i * 37) % 101) / 100));
    expect(chunks.map(({ encoding, count }) => [encoding, count])).toEqual([
      [CHUNK_DENSE, 480],
      [CHUNK_DENSE, 480],
    ]);
  });

  it("is never larger than XOR", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), fc.nat(20), (length, digits) => {
        const columns = columnsOf(length, (i) => noise(i) + Math.round(i / (digits + 1)));
        expect(sizeOf(encodeAdaptively(columns))).toBeLessThanOrEqual(sizeOf(encodeChunks(columns)));
      }),
      { numRuns: 50 },
    );
  });
});

describe("decodeChunk", () => {
  const [chunk] = encodeChunks(columnsOf(10, Math.sqrt)) as [EncodedChunk];

  it("names an encoding that it does not know", () => {
    expect(() => decodeChunk({ ...chunk, encoding: 2 })).toThrow(NotImplementedError);
  });

  it.each([CHUNK_XOR, CHUNK_DENSE])("refuses bytes that are no chunk of encoding %i", (encoding) => {
    expect(() => decodeChunk({ ...chunk, encoding, bytes: new Uint8Array(3) })).toThrow(CorruptionError);
  });
});
