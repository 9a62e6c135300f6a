import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { LabelSets } from "../../../src/storage/head/label-sets.js";

const word = fc.string({ minLength: 1, maxLength: 3 });
const labels = fc.dictionary(word, word, { minKeys: 1, maxKeys: 8 }).map((pairs) => Labels.from(pairs));

describe("LabelSets", () => {
  it("gives labels back, tells them apart, and holds no symbol of removed ones", () => {
    fc.assert(
      fc.property(fc.array(labels, { minLength: 1, maxLength: 50 }), (sets) => {
        const labelSets = new LabelSets();
        const places = sets.map((each) => labelSets.add(each));
        for (const [i, place] of places.entries()) {
          expect(labelSets.at(place).key()).toBe(sets[i]!.key());
          for (const other of sets) expect(labelSets.equals(place, other)).toBe(other.equals(sets[i]!));
        }
        for (const place of places) labelSets.remove(place);
        expect(labelSets.symbols.size).toBe(0);
        const again = sets.map((each) => labelSets.add(each));
        expect([...again].sort()).toEqual([...places].sort());
      }),
      { numRuns: 50 },
    );
  });

  it("holds more sets than a page has room for, and a set that is longer than a page", () => {
    const labelSets = new LabelSets();
    const setOf = (i: number) => Labels.from({ a: String(i), b: String(i % 10), c: "x", d: "y", e: "z" });
    const places = Array.from({ length: 20_000 }, (_, i) => labelSets.add(setOf(i)));
    const pairs = Array.from({ length: 40_000 }, (_, i): [string, string] => [`name${i}`, "v"]);
    const long = labelSets.add(Labels.from(pairs));
    const last = labelSets.add(setOf(1));
    for (const i of [0, 5957, 5958, 19_999]) expect(labelSets.equals(places[i]!, setOf(i))).toBe(true);
    expect(labelSets.at(long).size).toBe(40_000);
    expect(labelSets.equals(last, setOf(1))).toBe(true);
  });
});
