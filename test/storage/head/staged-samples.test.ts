import { describe, expect, it } from "vitest";
import type { SeriesRef } from "../../../src/model/series.js";
import { isStaleAt, markStaleAt } from "../../../src/model/staleness.js";
import { StagedSamples } from "../../../src/storage/head/staged-samples.js";

describe("StagedSamples", () => {
  it("keeps every row and every bit while it grows", () => {
    const staged = new StagedSamples();
    const isMarker = (i: number) => i % 3 === 0;
    for (let i = 0; i < 1000; i++) {
      if (isMarker(i)) staged.pushStale(i + 2, (i + 1) as SeriesRef, -i);
      else staged.push(i + 2, (i + 1) as SeriesRef, -i, i / 7);
    }
    expect(staged.length).toBe(1000);
    for (let i = 0; i < 1000; i++) {
      expect(staged.slots[i]).toBe(i + 2);
      expect(staged.refs[i]).toBe(i + 1);
      expect(staged.times[i]).toBe(-i);
      expect(isStaleAt(staged.values, i)).toBe(isMarker(i));
      if (!isMarker(i)) expect(staged.values[i]).toBe(i / 7);
    }
  });

  it("stores any NaN as the ordinary one", () => {
    const staged = new StagedSamples();
    const values = Float64Array.of(0);
    markStaleAt(values, 0);
    staged.push(1, 1 as SeriesRef, 0, values[0]!);
    staged.pushStale(2, 5 as SeriesRef, 0);
    expect([0, 1].map((i) => isStaleAt(staged.values, i))).toEqual([false, true]);
    expect([...staged.stagedSlots()]).toEqual([1, 2]);
  });
});
