import { describe, expect, it } from "vitest";
import { QueryBudget } from "../../../src/query/eval/budget.js";
import { GridPoints } from "../../../src/query/eval/points.js";
import { FakeClock } from "../../support/fake-clock.js";

const budget = new QueryBudget({ samplesMax: 100, bytesMax: 1000, timeoutMs: 1000 }, new FakeClock());
const grid = { start: 100, stepMs: 10, count: 4 };

describe("GridPoints", () => {
  it("shares what has no gaps", () => {
    const points = new GridPoints(grid, budget);
    const values = Float64Array.of(1, 2, 3, 4);
    const full = points.of({ values, present: Uint8Array.of(1, 1, 1, 1) });
    expect(full.values).toBe(values);
    expect([...full.times]).toEqual([100, 110, 120, 130]);
  });

  it("leaves absent steps out", () => {
    const points = new GridPoints(grid, budget);
    const some = points.of({ values: Float64Array.of(1, 2, 3, 4), present: Uint8Array.of(0, 1, 0, 1) });
    expect([[...some.times], [...some.values], some.length]).toEqual([[110, 130], [2, 4], 2]);
    expect(points.of({ values: new Float64Array(4), present: new Uint8Array(4) }).length).toBe(0);
  });
});
