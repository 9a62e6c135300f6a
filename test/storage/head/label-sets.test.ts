import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { LabelSets } from "../../../src/storage/head/label-sets.js";
import { PairTable } from "../../../src/storage/index/pair-table.js";

const word = fc.string({ minLength: 1, maxLength: 3 });
const labels = fc.dictionary(word, word, { minKeys: 1, maxKeys: 8 }).map((pairs) => Labels.from(pairs));

function sets() {
  const table = new PairTable();
  const labelSets = new LabelSets(table);
  const pairsOf = (each: Labels) => {
    const pairs = new Uint32Array(each.size);
    table.takeAll(each, pairs);
    return pairs;
  };
  return { labelSets, pairsOf, add: (each: Labels) => labelSets.add(pairsOf(each), 0, each.size) };
}

describe("LabelSets", () => {
  it("gives labels back, tells them apart, and gives places again", () => {
    fc.assert(
      fc.property(fc.array(labels, { minLength: 1, maxLength: 50 }), (all) => {
        const { labelSets, pairsOf, add } = sets();
        const places = all.map(add);
        for (const [i, place] of places.entries()) {
          expect(labelSets.at(place).key()).toBe(all[i]!.key());
          for (const other of all) {
            const isEqual = other.equals(all[i]!);
            expect(labelSets.equals(place, other)).toBe(isEqual);
            expect(labelSets.hasPairs(place, pairsOf(other), 0, other.size)).toBe(isEqual);
          }
        }
        for (const place of places) labelSets.remove(place);
        expect(all.map(add).sort()).toEqual([...places].sort());
      }),
      { numRuns: 50 },
    );
  });

  it("holds more sets than a page has room for, and a set that is longer than a page", () => {
    const { labelSets, add } = sets();
    const setOf = (i: number) => Labels.from({ a: String(i), b: String(i % 10), c: "x", d: "y", e: "z" });
    const places = Array.from({ length: 20_000 }, (_, i) => add(setOf(i)));
    const pairs = Array.from({ length: 40_000 }, (_, i): [string, string] => [`name${i}`, "v"]);
    const long = add(Labels.from(pairs));
    const last = add(setOf(1));
    for (const i of [0, 5957, 5958, 19_999]) expect(labelSets.equals(places[i]!, setOf(i))).toBe(true);
    expect(labelSets.at(long).size).toBe(40_000);
    expect(labelSets.equals(last, setOf(1))).toBe(true);
  });
});
