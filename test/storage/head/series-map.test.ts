import { describe, expect, it } from "vitest";
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
      const series = map.find(labelsOf(i))!;
      expect(series.labels.get("i")).toBe(String(i));
      expect(map.at(series.ref)).toBe(series);
    }
    expect(map.find(labelsOf(1000))).toBeUndefined();
  });

  it("tells series apart whose labels have one hash", () => {
    // Found by trying; if the hash changes, find another pair.
    const a = Labels.from({ i: "value-71897" });
    const b = Labels.from({ i: "value-418700" });
    expect(a.hash()).toBe(b.hash());
    const map = new SeriesMap();
    const first = map.add(a);
    expect(map.find(b)).toBeUndefined();
    const second = map.add(b);
    expect(map.find(a)).toBe(first);
    expect(map.find(b)).toBe(second);
    map.remove([first]);
    expect(map.find(a)).toBeUndefined();
    expect(map.find(b)).toBe(second);
  });

  it("never gives a ref twice", () => {
    const map = new SeriesMap();
    const first = map.add(labelsOf(1));
    map.remove([first]);
    expect(map.at(first.ref)).toBeUndefined();
    expect(map.add(labelsOf(1)).ref).not.toBe(first.ref);
  });

  it("keeps refs free that a log has used", () => {
    const map = new SeriesMap();
    map.add(labelsOf(1), 7 as SeriesRef);
    map.reserveThrough(9 as SeriesRef);
    expect(map.add(labelsOf(2)).ref).toBe(10);
  });

  it("shrinks and keeps the rest when many end", () => {
    const map = new SeriesMap();
    const all = Array.from({ length: 500 }, (_, i) => map.add(labelsOf(i)));
    map.remove(all.filter((_, i) => i % 10 !== 0));
    expect(map.size).toBe(50);
    expect([...map].map((series) => series.labels.get("i"))).toEqual(
      Array.from({ length: 50 }, (_, i) => String(i * 10)),
    );
    for (let i = 0; i < 500; i++) expect(map.find(labelsOf(i)) !== undefined).toBe(i % 10 === 0);
  });
});
