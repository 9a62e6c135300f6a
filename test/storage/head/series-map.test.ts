import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import type { SeriesRef } from "../../../src/model/series.js";
import { SeriesMap } from "../../../src/storage/head/series-map.js";

const labelsOf = (i: number) => Labels.from({ __name__: "x", i: String(i) });

describe("SeriesMap", () => {
  it("finds every series by labels and by ref", () => {
    const map = new SeriesMap();
    for (let i = 0; i < 1000; i++) map.add(labelsOf(i));
    expect(map.size).toBe(1000);
    for (let i = 0; i < 1000; i++) {
      const slot = map.find(labelsOf(i));
      expect(map.labelsOf(slot).equals(labelsOf(i))).toBe(true);
      expect(map.slotOf(map.refOf(slot))).toBe(slot);
      expect(map.find(labelsOf(i), map.refOf(slot))).toBe(slot);
      expect(map.find(labelsOf(i), map.refOf(1))).toBe(slot);
    }
    expect(map.find(labelsOf(1000))).toBe(0);
  });

  it("tells series apart whose pairs have one hash", () => {
    const hash = vi.spyOn(Math, "imul").mockReturnValue(0);
    try {
      const [a, b, c] = [Labels.from({ i: "1" }), Labels.from({ i: "2" }), Labels.from({ i: "1", j: "1" })];
      const map = new SeriesMap();
      const first = map.add(a);
      expect(map.find(b)).toBe(0);
      const second = map.add(b);
      const third = map.add(c);
      expect([a, b, c].map((labels) => map.find(labels))).toEqual([first, second, third]);
      map.remove(first);
      expect([a, b, c].map((labels) => map.find(labels))).toEqual([0, second, third]);
      expect(hash).toHaveBeenCalled();
    } finally {
      hash.mockRestore();
    }
  });

  it("never gives a ref twice", () => {
    const map = new SeriesMap();
    const ref = map.refOf(map.add(labelsOf(1)));
    map.remove(map.slotOf(ref));
    expect(map.slotOf(ref)).toBe(0);
    expect(map.find(labelsOf(1), ref)).toBe(0);
    expect(map.refOf(map.add(labelsOf(1)))).not.toBe(ref);
  });

  it("keeps refs free that a log has used", () => {
    const map = new SeriesMap();
    map.add(labelsOf(1), 7 as SeriesRef);
    map.reserveThrough(9 as SeriesRef);
    expect(map.refOf(map.add(labelsOf(2)))).toBe(10);
    expect(map.slotOf((2 ** 32 + 10) as SeriesRef)).toBe(0);
    expect(map.slotOf(-10 as SeriesRef)).toBe(0);
  });

  it("shrinks and keeps the rest when many end", () => {
    const map = new SeriesMap();
    const all = Array.from({ length: 500 }, (_, i) => map.add(labelsOf(i)));
    for (const [i, slot] of all.entries()) if (i % 10 !== 0) map.remove(slot);
    expect(map.size).toBe(50);
    expect([...map].map((slot) => map.labelsOf(slot).get("i"))).toEqual(
      Array.from({ length: 50 }, (_, i) => String(i * 10)),
    );
    for (let i = 0; i < 500; i++) expect(map.find(labelsOf(i)) !== 0).toBe(i % 10 === 0);
  });

  it("is a map under any adding and removing, and gives slots, but no refs, again", () => {
    const map = new SeriesMap();
    const model = new Map<number, number>();
    const refs = new Set<number>();
    const toggle = (i: number) => {
      const slot = model.get(i);
      if (slot === undefined) {
        model.set(i, map.add(labelsOf(i)));
        expect(refs.has(map.refOf(model.get(i)!))).toBe(false);
        refs.add(map.refOf(model.get(i)!));
      } else {
        map.remove(slot);
        model.delete(i);
      }
    };
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 500, maxLength: 500 }),
        (toggles) => {
          for (const i of toggles) toggle(i);
          for (let i = 0; i <= 300; i++) expect(map.find(labelsOf(i))).toBe(model.get(i) ?? 0);
          expect(map.slotsEnd).toBeLessThanOrEqual(302);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("sorts slots by labels as Labels.compare does", async () => {
    const map = new SeriesMap();
    const sets = [
      { a: "2" },
      { b: "1" },
      { a: "10", c: "x" },
      { a: "1" },
      { a: "\uffee" },
      { a: "\u{1f600}" },
      { a: "10" },
    ];
    for (const set of sets) map.add(Labels.from(set));
    for (let i = 0; i < 9000; i++) map.add(Labels.from({ n: String((i * 7919) % 9001) }));
    const sorted = await map.sortByLabels(Uint32Array.from(map));
    expect(sorted.length).toBe(9007);
    for (let i = 1; i < sorted.length; i++)
      expect(map.labelsOf(sorted[i - 1]!).compare(map.labelsOf(sorted[i]!))).toBeLessThan(0);
  });
});
