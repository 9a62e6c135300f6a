import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ColumnPool } from "../../../src/query/eval/column-pool.js";

describe("ColumnPool", () => {
  it("hands out zeroed columns that do not touch one another", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 6000 }), { maxLength: 30 }), (sizes) => {
        const pool = new ColumnPool();
        const columns = sizes.map((steps, i) => {
          const column = pool.column(steps);
          expect([column.values.length, column.present.length]).toEqual([steps, steps]);
          expect(column.values.every((value) => value === 0)).toBe(true);
          expect(column.present.every((present) => present === 0)).toBe(true);
          column.values.fill(i + 1);
          column.present.fill(1);
          return column;
        });
        columns.forEach(({ values }, i) => {
          expect(values.every((value) => value === i + 1)).toBe(true);
        });
      }),
    );
  });
});
