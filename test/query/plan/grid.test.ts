import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  gridEnd,
  gridTime,
  rangeGrid,
  shiftGrid,
  singleStep,
  subqueryGrid,
  windowRange,
} from "../../../src/query/plan/grid.js";

describe("rangeGrid", () => {
  it("holds both ends when the step divides the range, else stops before the end", () => {
    expect(rangeGrid({ start: 0, end: 60, stepMs: 20 })).toEqual({ start: 0, stepMs: 20, count: 4 });
    expect(gridEnd(rangeGrid({ start: 0, end: 59, stepMs: 20 }))).toBe(40);
    expect(rangeGrid({ start: 1, end: 0, stepMs: 20 }).count).toBe(0);
  });
});

describe("shiftGrid", () => {
  const grid = rangeGrid({ start: 1000, end: 3000, stepMs: 1000 });

  it("moves back by an offset, forth by a negative one", () => {
    expect(shiftGrid(grid, { offsetMs: 500, at: undefined }).start).toBe(500);
    expect(shiftGrid(grid, { offsetMs: -500, at: undefined }).start).toBe(1500);
  });

  it("stands still at a fixed time, from which the offset counts", () => {
    const fixed = shiftGrid(grid, { offsetMs: 300, at: 5000 });
    expect([0, 1, 2].map((step) => gridTime(fixed, step))).toEqual([4700, 4700, 4700]);
    expect(shiftGrid(singleStep(7), { offsetMs: 0, at: 9 })).toEqual(singleStep(9));
  });
});

describe("subqueryGrid", () => {
  it("begins behind the first window's open end, at a multiple of the step", () => {
    expect(subqueryGrid(singleStep(100), { rangeMs: 30, stepMs: 20 })).toEqual({
      start: 80,
      stepMs: 20,
      count: 2,
    });
    expect(subqueryGrid(singleStep(100), { rangeMs: 20, stepMs: 20 })).toEqual({
      start: 100,
      stepMs: 20,
      count: 1,
    });
    expect(subqueryGrid(singleStep(95), { rangeMs: 3, stepMs: 10 }).count).toBe(0);
  });

  it("has exactly the multiples that lie in some window", () => {
    const small = fc.integer({ min: -500, max: 500 });
    const positive = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(small, positive, positive, (end, rangeMs, stepMs) => {
        const grid = subqueryGrid(singleStep(end), { rangeMs, stepMs });
        const expected: number[] = [];
        for (let time = end - rangeMs + 1; time <= end; time++) if (time % stepMs === 0) expected.push(time);
        const times = Array.from({ length: grid.count }, (_, step) => gridTime(grid, step));
        expect(times.map((time) => time + 0)).toEqual(expected.map((time) => time + 0));
      }),
    );
  });
});

describe("windowRange", () => {
  it("leaves the left end out", () => {
    expect(windowRange(rangeGrid({ start: 100, end: 200, stepMs: 50 }), 30)).toEqual({
      minTime: 71,
      maxTime: 200,
    });
  });
});
