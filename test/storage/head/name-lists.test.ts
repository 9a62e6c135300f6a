import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { NameLists } from "../../../src/storage/head/name-lists.js";
import { SymbolTable } from "../../../src/storage/head/symbol-table.js";

const word = fc.constantFrom("a", "aa", "b", "a:b", "1");
const labels = fc.dictionary(word, fc.constant("x"), { minKeys: 1 }).map((pairs) => Labels.from(pairs));

describe("NameLists", () => {
  it("has one number for equal names, and holds nothing that nobody holds", () => {
    fc.assert(
      fc.property(fc.array(labels, { minLength: 1, maxLength: 30 }), (sets) => {
        const symbols = new SymbolTable();
        const lists = new NameLists(symbols);
        const numbers = sets.map((each) => lists.take(each));
        for (const [i, number] of numbers.entries()) {
          const names = Array.from(sets[i]!, ([name]) => name);
          expect(lists.names(number)).toEqual(names);
          expect(lists.ids(number).map((id) => symbols.text(id))).toEqual(names);
          for (const [j, other] of sets.entries())
            expect(lists.equals(number, other)).toBe(number === numbers[j]);
        }
        for (const number of numbers) lists.release(number);
        expect(symbols.size).toBe(0);
        expect(lists.names(lists.take(sets[0]!))).toEqual(Array.from(sets[0]!, ([name]) => name));
      }),
    );
  });
});
