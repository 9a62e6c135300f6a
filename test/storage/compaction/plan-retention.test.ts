import { describe, expect, it } from "vitest";
import { planRetention, type RetentionOptions } from "../../../src/storage/compaction/plan-retention.js";

const blocks = [
  { ulid: "new", range: { minTime: 200, maxTime: 299 }, sizeBytes: 30 },
  { ulid: "old", range: { minTime: 0, maxTime: 99 }, sizeBytes: 10 },
  { ulid: "wide", range: { minTime: -1000, maxTime: 199 }, sizeBytes: 20 },
];

const dropped = (options: Partial<RetentionOptions>) =>
  planRetention(blocks, { retentionMs: 0, retentionSizeBytes: 0, walBytes: 5, now: 1000, ...options });

describe("planRetention", () => {
  it("keeps all by default", () => {
    expect(dropped({})).toEqual([]);
  });

  it("drops blocks of which all is too old", () => {
    expect(dropped({ retentionMs: 901 })).toEqual([]);
    expect(dropped({ retentionMs: 900 })).toEqual(["old"]);
    expect(dropped({ retentionMs: 801 })).toEqual(["old"]);
    expect(dropped({ retentionMs: 800 })).toEqual(["old", "wide"]);
    expect(dropped({ retentionMs: 1 })).toEqual(["old", "wide", "new"]);
  });

  it("drops the oldest blocks until the rest and the log fit", () => {
    expect(dropped({ retentionSizeBytes: 65 })).toEqual([]);
    expect(dropped({ retentionSizeBytes: 64 })).toEqual(["old"]);
    expect(dropped({ retentionSizeBytes: 54 })).toEqual(["old", "wide"]);
    expect(dropped({ retentionSizeBytes: 1 })).toEqual(["old", "wide", "new"]);
  });

  it("takes the stricter of both", () => {
    expect(dropped({ retentionMs: 900, retentionSizeBytes: 54 })).toEqual(["old", "wide"]);
    expect(dropped({ retentionMs: 800, retentionSizeBytes: 64 })).toEqual(["old", "wide"]);
  });
});
