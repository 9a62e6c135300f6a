import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LabelsTable } from "../../../src/ingest/source/labels-table.js";
import { Labels } from "../../../src/model/labels.js";

/** Labels whose hash is one of few, so that they collide. */
function colliding(name: string): Labels {
  const labels = Labels.from({ n: name });
  const hash = name.length % 3;
  labels.hash = () => hash;
  return labels;
}

describe("LabelsTable", () => {
  it("is a map, whatever the hashes", () => {
    const command = fc.record({ name: fc.string({ minLength: 1, maxLength: 3 }), isDelete: fc.boolean() });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const table = new LabelsTable<number>();
        const model = new Map<string, number>();
        for (const [i, { name, isDelete }] of commands.entries()) {
          if (isDelete) table.delete(colliding(name));
          else table.set(colliding(name), i);
          if (isDelete) model.delete(name);
          else model.set(name, i);
          expect(table.size).toBe(model.size);
          expect(table.get(colliding(name))).toBe(model.get(name));
        }
        expect([...table.values()].sort()).toEqual([...model.values()].sort());
      }),
    );
  });
});
