import fc from "fast-check";
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

  it("takes rows of columns with their bits, and removes any of them", () => {
    const rowOf = fc.record({ isMarker: fc.boolean(), isRemoved: fc.boolean() });
    fc.assert(
      fc.property(fc.array(rowOf, { maxLength: 60 }), fc.nat(60), (rows, from) => {
        const staged = new StagedSamples();
        staged.push(9, 9 as SeriesRef, 9, 9);
        const refs = Uint32Array.from(rows, (_, i) => i + 1);
        const slots = refs.map((ref) => ref + 100);
        const times = Float64Array.from(rows, (_, i) => -i);
        const values = Float64Array.from(rows, (_, i) => i / 7);
        for (const [i, { isMarker }] of rows.entries()) if (isMarker) markStaleAt(values, i);
        const first = Math.min(from, rows.length);
        staged.pushRows(slots, { refs, times, values, length: rows.length }, first, rows.length);
        const pushed = rows.map((row, i) => ({ ...row, i })).slice(first);
        staged.remove(pushed.flatMap(({ isRemoved }, at) => (isRemoved ? [at + 1] : [])));
        const kept = pushed.filter(({ isRemoved }) => !isRemoved);
        expect(staged.length).toBe(kept.length + 1);
        expect([...staged.stagedSlots()]).toEqual([9, ...kept.map(({ i }) => i + 101)]);
        for (const [at, { isMarker, i }] of kept.entries()) {
          expect([staged.refs[at + 1], staged.times[at + 1]]).toEqual([i + 1, -i]);
          expect(isStaleAt(staged.values, at + 1)).toBe(isMarker);
          if (!isMarker) expect(staged.values[at + 1]).toBe(i / 7);
        }
      }),
    );
  });
});
