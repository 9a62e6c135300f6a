import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareText } from "../../../src/model/text-order.js";
import { SortedTexts } from "../../../src/storage/index/sorted-texts.js";

describe("SortedTexts", () => {
  it("are the keys in byte order after any additions and removals, and never change", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.string({ unit: "binary", maxLength: 3 }),
      fc.constantFrom("\u{1f600}", "\uffee", "z", ""),
    );
    const step = fc.record({
      added: fc.array(text, { maxLength: 40 }),
      removed: fc.array(text, { maxLength: 5 }),
      asks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const keys = new Set<string>();
        const texts = new SortedTexts();
        const given: [readonly string[], readonly string[]][] = [];
        for (const { added, removed, asks } of steps) {
          for (const each of added) {
            if (!keys.has(each)) texts.add(each);
            keys.add(each);
          }
          for (const each of [...removed, ...added.slice(0, 2)]) if (keys.delete(each)) texts.remove(each);
          for (const each of added.slice(0, 1)) {
            texts.add(each);
            keys.add(each);
          }
          if (!asks) continue;
          const sorted = texts.sorted(keys);
          expect(sorted).toEqual([...keys].sort(compareText));
          given.push([sorted, [...sorted]]);
        }
        for (const [sorted, copy] of given) expect(sorted).toEqual(copy);
      }),
    );
  });

  it("puts few new ones between many", () => {
    const keys = new Set(Array.from({ length: 1000 }, (_, i) => `k${i}`));
    const texts = new SortedTexts();
    texts.sorted(keys);
    for (const added of ["", "k5", "k50x", "z", "k1000"]) {
      if (!keys.has(added)) texts.add(added);
      keys.add(added);
    }
    expect(texts.sorted(keys)).toEqual([...keys].sort(compareText));
    expect(texts.sorted(keys)).toBe(texts.sorted(keys));
  });
});
