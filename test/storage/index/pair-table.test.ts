import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { PairTable } from "../../../src/storage/index/pair-table.js";

const word = fc.string({ maxLength: 3 });

describe("PairTable", () => {
  it("gives each pair one number, and the number of a forgotten pair to another one", () => {
    const command = fc.record({ name: word, value: word, isGone: fc.boolean() });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 100 }), (commands) => {
        const table = new PairTable();
        const model = new Map<string, number>();
        for (const { name, value, isGone } of commands) {
          const key = JSON.stringify([name, value]);
          const known = model.get(key) ?? 0;
          expect(table.find(name, value)).toBe(known);
          if (isGone && known !== 0) {
            table.free(known);
            model.delete(key);
          } else if (!isGone) {
            const pair = table.take(name, value);
            if (known === 0) expect([0, ...model.values()]).not.toContain(pair);
            else expect(pair).toBe(known);
            model.set(key, pair);
            expect([table.nameOf(pair), table.valueOf(pair)]).toEqual([name, value]);
          }
        }
        expect(table.size).toBe(model.size);
        const names = new Set([...model.keys()].map((key) => (JSON.parse(key) as string[])[0]!));
        expect([...table.names()].sort()).toEqual([...names].sort());
      }),
    );
  });

  it("writes the numbers of labels, where all of them have one", () => {
    const table = new PairTable();
    const into = new Uint32Array(3);
    const labels = Labels.from({ a: "1", b: "2" });
    expect(table.findAll(labels, into)).toBe(false);
    table.takeAll(labels, into);
    expect([...into]).toEqual([table.find("a", "1"), table.find("b", "2"), 0]);
    // At the same places, of the same value under another name, and of another value.
    expect(table.findAll(Labels.from({ a: "1", c: "2" }), into)).toBe(false);
    expect(table.findAll(Labels.from({ a: "2", b: "2" }), into)).toBe(false);
    table.free(table.find("b", "2"));
    expect(table.findAll(labels, into)).toBe(false);
    expect(table.freedCount).toBe(1);
  });
});
