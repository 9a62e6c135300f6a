import { describe, expect, it } from "vitest";
import { planRetention, type RetainedBlock } from "../../../src/storage/compaction/plan-retention.js";

const now = 1000;

/** `name: [from, to, retentions...]`, both times inclusive. */
function plan(
  spec: Record<string, readonly [from: number, to: number, ...retentionsMs: number[]]>,
  size: { readonly retentionSizeBytes?: number; readonly walBytes?: number } = {},
) {
  const blocks = Object.entries(spec).map(
    ([ulid, [minTime, maxTime, ...retentionsMs]]): RetainedBlock => ({
      ulid,
      range: { minTime, maxTime },
      sizeBytes: 10,
      retentionsMs,
    }),
  );
  return planRetention(blocks, { retentionSizeBytes: 0, walBytes: 0, now, ...size });
}

const nothing = { dropped: [], thinned: [] };

describe("planRetention by time", () => {
  it("keeps for ever what is kept for ever", () => {
    expect(plan({})).toEqual(nothing);
    expect(plan({ a: [-5000, -4000, Infinity] })).toEqual(nothing);
  });

  it("drops blocks of which all is too old", () => {
    const blocks = (retentionMs: number) =>
      plan({ new: [200, 299, retentionMs], old: [0, 99, retentionMs], wide: [-1000, 199, retentionMs] });
    expect(blocks(901)).toEqual(nothing);
    expect(blocks(900)).toEqual({ dropped: ["old"], thinned: [] });
    expect(blocks(801)).toEqual({ dropped: ["old"], thinned: [] });
    expect(blocks(800)).toEqual({ dropped: ["old", "wide"], thinned: [] });
    expect(blocks(1)).toEqual({ dropped: ["old", "wide", "new"], thinned: [] });
  });

  it("thins blocks that have outlived some of their series, and drops those that have outlived all", () => {
    expect(plan({ a: [0, 899, 100, 500] })).toEqual({ dropped: [], thinned: ["a"] });
    expect(plan({ a: [0, 900, 100, 500] })).toEqual(nothing);
    expect(plan({ a: [0, 499, 500, 100] })).toEqual({ dropped: ["a"], thinned: [] });
    expect(plan({ a: [0, 99, 100, Infinity] })).toEqual({ dropped: [], thinned: ["a"] });
  });

  it("drops a young block before an old one whose series are kept longer", () => {
    expect(plan({ billing: [0, 99, Infinity], debug: [600, 699, 100], both: [300, 399, 100, 2000] })).toEqual(
      {
        dropped: ["debug"],
        thinned: ["both"],
      },
    );
  });

  it("does not thin a block again that has lost the series", () => {
    expect(plan({ a: [0, 499, 2000] })).toEqual(nothing);
  });
});

describe("planRetention by size", () => {
  const three = { new: [200, 299, Infinity], old: [0, 99, Infinity], wide: [-1000, 199, Infinity] } as const;
  const dropped = (retentionSizeBytes: number, walBytes = 5) =>
    plan(three, { retentionSizeBytes, walBytes }).dropped;

  it("drops the oldest blocks until the rest and the log fit", () => {
    expect(dropped(0)).toEqual([]);
    expect(dropped(35)).toEqual([]);
    expect(dropped(34)).toEqual(["old"]);
    expect(dropped(24)).toEqual(["old", "wide"]);
    expect(dropped(1)).toEqual(["old", "wide", "new"]);
  });

  it("counts what goes by time first, wherever it stands", () => {
    const blocks = { a: [0, 99, Infinity], b: [300, 399, 100], c: [500, 599, 100, Infinity] } as const;
    expect(plan(blocks, { retentionSizeBytes: 20 })).toEqual({ dropped: ["b"], thinned: ["c"] });
    expect(plan(blocks, { retentionSizeBytes: 19 })).toEqual({ dropped: ["a", "b"], thinned: ["c"] });
    expect(plan(blocks, { retentionSizeBytes: 9 })).toEqual({ dropped: ["a", "b", "c"], thinned: [] });
  });
});
