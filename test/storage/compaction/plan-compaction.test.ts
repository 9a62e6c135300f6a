import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TimeRange } from "../../../src/model/sample.js";
import { inPrecedence } from "../../../src/storage/block/open-blocks.js";
import {
  type CompactionPlan,
  type PlannedBlock,
  planCompaction,
} from "../../../src/storage/compaction/plan-compaction.js";

const options = { blockDurationMs: 2, durationMaxMs: () => 54 };

/** `name: [from, to)`, with age by the order of the list unless given. */
function blocks(
  spec: Record<string, readonly [from: number, to: number, deletedShare?: number]>,
): readonly PlannedBlock[] {
  return Object.entries(spec).map(([ulid, [from, to, deletedShare = 0]]) => ({
    ulid,
    range: { minTime: from, maxTime: to - 1 },
    oldestSource: ulid,
    deletedShare,
    hasExpired: false,
    hasFailed: false,
  }));
}

const plan = (spec: Parameters<typeof blocks>[0]) => planCompaction(blocks(spec), options);

describe("planCompaction", () => {
  it("does nothing without blocks, or with one", () => {
    expect(plan({})).toBeUndefined();
    expect(plan({ a: [0, 2] })).toBeUndefined();
  });

  it("merges the blocks of a complete range, the shortest range first", () => {
    expect(plan({ a: [0, 2], b: [2, 4], c: [4, 6] })).toBeUndefined();
    expect(plan({ a: [0, 2], b: [2, 4], c: [4, 6], d: [6, 8] })).toEqual({
      reason: "level",
      sources: ["a", "b", "c"],
    });
    expect(plan({ a: [0, 6], b: [6, 12], c: [12, 14], d: [14, 16], e: [18, 20] })).toEqual({
      reason: "level",
      sources: ["c", "d"],
    });
    expect(plan({ a: [0, 6], b: [6, 12], c: [12, 16], e: [18, 20] })).toEqual({
      reason: "level",
      sources: ["a", "b", "c"],
    });
  });

  it("never merges the newest block by level, nor across its range", () => {
    expect(plan({ a: [0, 2], b: [2, 4] })).toBeUndefined();
    expect(plan({ a: [4, 6], b: [6, 8] })).toBeUndefined();
  });

  it("takes blocks that are clipped to their samples for what they are", () => {
    expect(plan({ a: [1, 2], b: [3, 4], c: [7, 8] })).toEqual({ reason: "level", sources: ["a", "b"] });
  });

  it("makes no block longer than the longest allowed", () => {
    expect(plan({ a: [0, 54], b: [54, 108], c: [108, 162], d: [170, 171] })).toBeUndefined();
  });

  it("asks for each end how long a block may be", () => {
    const growing = { ...options, durationMaxMs: (end: number) => (end <= 12 ? 6 : 2) };
    const six = blocks({ a: [6, 8], b: [8, 10], c: [12, 14], d: [14, 16], e: [15, 17], f: [24, 26] });
    // d and e are in one range of 6, but not of 2.
    expect(planCompaction(six, growing)).toEqual({ reason: "level", sources: ["a", "b"] });
    expect(planCompaction(six.slice(2), growing)).toBeUndefined();
    expect(planCompaction(six.slice(2), { ...growing, durationMaxMs: () => 6 })?.sources).toEqual(["d", "e"]);
  });

  it("merges blocks that overlap first, the newest too", () => {
    expect(plan({ a: [0, 2], b: [2, 4], c: [4, 6], d: [6, 8], e: [7, 8] })).toEqual({
      reason: "overlap",
      sources: ["d", "e"],
    });
    expect(plan({ a: [0, 2], b: [2, 4], c: [4, 6], d: [1, 5] })?.sources).toEqual(["a", "d", "b", "c"]);
  });

  it("merges a block of sixty years with its like only", () => {
    expect(plan({ a: [0, 2000], b: [100, 102], c: [200, 202] })).toBeUndefined();
    expect(plan({ a: [100, 102], b: [0, 2000], c: [5, 1990] })).toEqual({
      reason: "overlap",
      sources: ["b", "c"],
    });
  });

  it("waits where a merge would change which sample counts", () => {
    // b would stand behind c's samples although it is older.
    expect(plan({ a: [0, 2], b: [0, 3000], c: [2, 4], d: [8, 10] })).toBeUndefined();
    expect(plan({ a: [0, 2], b: [2, 4], c: [0, 3000], d: [8, 10] })?.sources).toEqual(["a", "b"]);
    expect(plan({ a: [0, 3000], b: [0, 2], c: [2, 4], d: [8, 10] })?.sources).toEqual(["b", "c"]);
  });

  it("rewrites a block of which much is deleted", () => {
    expect(plan({ a: [0, 2, 0.01], b: [20, 22, 0.2], c: [38, 40] })).toEqual({
      reason: "tombstones",
      sources: ["b"],
    });
  });

  it("rewrites a block without the series that it has outlived, if it is not merged anyway", () => {
    const expired = (spec: Parameters<typeof blocks>[0], ulid: string) =>
      blocks(spec).map((each) => ({ ...each, hasExpired: each.ulid === ulid }));
    const spec = { a: [0, 2, 0.2], b: [20, 22], c: [38, 40] } as const;
    expect(planCompaction(expired(spec, "b"), options)).toEqual({ reason: "retention", sources: ["b"] });
    const mergeable = { a: [0, 2], b: [2, 4], c: [38, 40] } as const;
    expect(planCompaction(expired(mergeable, "b"), options)?.reason).toBe("level");
  });

  it("leaves a block alone that could not be merged", () => {
    const four = blocks({ a: [0, 2], b: [2, 4], c: [4, 6], d: [6, 8, 1] });
    const withFailed = (ulid: string) => four.map((each) => ({ ...each, hasFailed: each.ulid === ulid }));
    expect(planCompaction(withFailed("b"), options)?.sources).toEqual(["a", "c"]);
    expect(planCompaction(withFailed("d"), options)).toBeUndefined();
  });

  it("comes to an end, whatever the blocks are, and keeps every time and the order of precedence", () => {
    const range = fc
      .tuple(fc.integer({ min: -200, max: 200 }), fc.constantFrom(1, 1, 2, 5, 40))
      .map(([from, length]): TimeRange => ({ minTime: from, maxTime: from + length - 1 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 25 }), (ranges) => {
        let state = ranges.map((_, i) => madeOf([i], ranges, String(i).padStart(3, "0")));
        for (let step = 0; ; step++) {
          const next = planCompaction(state, options);
          if (next === undefined) break;
          expect(step).toBeLessThan(ranges.length);
          state = applied(state, next, ranges, `r${step}`);
          expectSameWinners(state, ranges);
        }
        const members = state.flatMap(({ members }) => members).sort((a, b) => a - b);
        expect(members).toEqual(ranges.map((_, i) => i));
      }),
      { numRuns: 100 },
    );
  });
});

interface ModelBlock extends PlannedBlock {
  /** Indices of the first blocks. */
  readonly members: readonly number[];
}

function madeOf(members: readonly number[], ranges: readonly TimeRange[], ulid: string): ModelBlock {
  const range = {
    minTime: Math.min(...members.map((i) => ranges[i]!.minTime)),
    maxTime: Math.max(...members.map((i) => ranges[i]!.maxTime)),
  };
  const oldestSource = members.map((i) => String(i).padStart(3, "0")).sort()[0]!;
  return { ulid, range, oldestSource, deletedShare: 0, hasExpired: false, hasFailed: false, members };
}

function applied(
  state: readonly ModelBlock[],
  { sources }: CompactionPlan,
  ranges: readonly TimeRange[],
  ulid: string,
): ModelBlock[] {
  const merged = state.filter((each) => sources.includes(each.ulid));
  expect(merged.length).toBeGreaterThan(1);
  const result = madeOf(
    merged.flatMap(({ members }) => members).sort((a, b) => a - b),
    ranges,
    ulid,
  );
  return [...state.filter((each) => !sources.includes(each.ulid)), result];
}

/** At every time, the oldest of the first blocks that have it must come first. */
function expectSameWinners(state: readonly ModelBlock[], ranges: readonly TimeRange[]): void {
  const ordered = inPrecedence(
    state.map((block) => ({
      ...block,
      meta: { ulid: block.ulid, compaction: { level: 1, sources: [block.oldestSource] } },
    })),
  );
  for (let time = -200; time < 240; time += 1) {
    const holds = (i: number) => ranges[i]!.minTime <= time && time <= ranges[i]!.maxTime;
    const expected = ranges.findIndex((_, i) => holds(i));
    const found = ordered.flatMap(({ members }) => members).find(holds) ?? -1;
    expect(found).toBe(expected);
  }
}
