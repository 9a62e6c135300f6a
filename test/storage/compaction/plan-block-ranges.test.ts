import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  alignedStart,
  type BlockRangeOptions,
  planBlockRanges,
  type SampleWindow,
  WindowCounts,
} from "../../../src/storage/compaction/plan-block-ranges.js";

const hour = 3_600_000;
const options: BlockRangeOptions = {
  blockDurationMs: 2 * hour,
  samplesMax: 100,
  recentFrom: Number.POSITIVE_INFINITY,
};

/** A window with samples from `minTime` to `maxTime`, both in hours. */
const window = (minTime: number, maxTime: number, samples: number): SampleWindow => ({
  range: { minTime: minTime * hour, maxTime: maxTime * hour },
  samples,
});

function inHours(
  windows: readonly SampleWindow[],
  changes: Partial<BlockRangeOptions> = {},
): [number, number][] {
  const ranges = planBlockRanges(windows, { ...options, ...changes });
  return ranges.map(({ minTime, maxTime }) => [minTime / hour, maxTime / hour]);
}

describe("planBlockRanges", () => {
  it.each<[string, SampleWindow[], Partial<BlockRangeOptions>, [number, number][]]>([
    ["nothing for nothing", [], {}, []],
    ["one window for one", [window(1, 1.5, 10)], {}, [[1, 1.5]]],
    ["joins what is sparse", [window(0, 1, 40), window(2, 3, 30), window(5, 5, 20)], {}, [[0, 5]]],
    [
      "keeps what is dense apart",
      [window(0, 1, 90), window(2, 3, 50)],
      {},
      [
        [0, 1],
        [2, 3],
      ],
    ],
    [
      "keeps a window that is too large by itself",
      [window(0, 1, 1000), window(2, 3, 1)],
      {},
      [
        [0, 1],
        [2, 3],
      ],
    ],
    [
      "joins the sparse part and not the dense one",
      [window(0, 1, 10), window(2, 3, 10), window(6, 7, 90), window(8, 9, 90)],
      {},
      [
        [0, 3],
        [6, 7],
        [8, 9],
      ],
    ],
    [
      "never joins across the alignment at zero",
      [window(-1, -1, 1), window(1, 1, 1)],
      {},
      [
        [-1, -1],
        [1, 1],
      ],
    ],
    [
      "keeps recent windows to the block duration",
      [window(0, 1, 1), window(2, 3, 1), window(4, 5, 1), window(6, 7, 1)],
      { recentFrom: 4.5 * hour },
      [
        [0, 3],
        [4, 5],
        [6, 7],
      ],
    ],
    [
      "keeps all windows when all is recent",
      [window(-3, -3, 1), window(2, 3, 1)],
      { recentFrom: Number.NEGATIVE_INFINITY },
      [
        [-3, -3],
        [2, 3],
      ],
    ],
  ])("%s", (_, windows, changes, expected) => {
    expect(inHours(windows, changes)).toEqual(expected);
  });

  it("makes two blocks of sixty years of monthly values", () => {
    const counts = new WindowCounts(options.blockDurationMs);
    counts.add(
      Float64Array.from({ length: 720 }, (_, month) => Date.UTC(1958, month, 1)),
      720,
    );
    const ranges = planBlockRanges(counts.windows(), { ...options, samplesMax: 1_000_000 });
    expect(
      ranges.map(({ minTime, maxTime }) => [
        new Date(minTime).getUTCFullYear(),
        new Date(maxTime).getUTCFullYear(),
      ]),
    ).toEqual([
      [1958, 1969],
      [1970, 2017],
    ]);
  });

  it("covers every sample once, in bounded blocks of the ladder", () => {
    const times = fc.array(fc.integer({ min: -200 * hour, max: 200 * hour }), { maxLength: 60 });
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 30 }), (unsorted, samplesMax) => {
        const sorted = Float64Array.from(unsorted).sort();
        const counts = new WindowCounts(options.blockDurationMs);
        counts.add(sorted, sorted.length);
        const ranges = planBlockRanges(counts.windows(), { ...options, samplesMax });
        for (const [i, range] of ranges.entries()) {
          const inside = sorted.filter((time) => time >= range.minTime && time <= range.maxTime);
          expect([inside[0], inside.at(-1)]).toEqual([range.minTime, range.maxTime]);
          if (i > 0) expect(range.minTime).toBeGreaterThan(ranges[i - 1]!.maxTime);
          const isLowest = alignedStart(range.minTime, 2 * hour) === alignedStart(range.maxTime, 2 * hour);
          if (!isLowest) expect(inside.length).toBeLessThanOrEqual(samplesMax);
        }
        const covered = ranges.map(({ minTime, maxTime }) =>
          sorted.filter((time) => time >= minTime && time <= maxTime),
        );
        expect(covered.reduce((sum, each) => sum + each.length, 0)).toBe(sorted.length);
      }),
    );
  });
});

describe("alignedStart", () => {
  it("rounds down, below zero as well", () => {
    expect(
      [0, 1, 7_199_999, 7_200_000, -1, -7_200_000, -7_200_001].map((time) => alignedStart(time, 7_200_000)),
    ).toEqual([0, 0, 0, 7_200_000, -7_200_000, -7_200_000, -14_400_000]);
  });
});
