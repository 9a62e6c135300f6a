import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ColumnKernel,
  columnKernel,
  type RollupFunction,
  type RollupOptions,
  type StepGrid,
} from "../../src/kernels/column-kernel.js";
import { ReferenceColumnKernel } from "../../src/kernels/reference-column-kernel.js";
import type { SampleColumns } from "../../src/model/sample.js";
import { columnsOf, increasingColumns } from "./arbitraries.js";

const kernels: readonly [string, ColumnKernel][] = [
  ["WebAssembly", columnKernel()],
  ["TypeScript", new ReferenceColumnKernel()],
];

describe.each(kernels)("range functions in %s", (_, kernel) => {
  function rollUp(
    columns: SampleColumns,
    name: RollupFunction,
    grid: StepGrid,
    rangeMs: number,
    parameter = 0,
    options: RollupOptions = {},
  ): (number | undefined)[] {
    const values = new Float64Array(grid.count);
    const present = new Uint8Array(grid.count);
    kernel.clear();
    kernel.append(columns);
    kernel.rollup(name, grid, rangeMs, parameter, values, present, options);
    return [...values].map((value, i) => (present[i] === 1 ? value : undefined));
  }

  /** One window (0, 60 s] with samples at the given seconds. */
  function over(name: RollupFunction, seconds: readonly number[], values: readonly number[], parameter = 0) {
    const columns = columnsOf(
      seconds.map((second) => second * 1000),
      values,
    );
    return rollUp(columns, name, { start: 60_000, stepMs: 1, count: 1 }, 60_000, parameter)[0];
  }

  describe("rate, increase and delta", () => {
    it("stretch a full window to its ends", () => {
      // 30 in 45 s, 15 s to the left end: less than 1.1 intervals, so 30 * 60 / 45.
      expect(over("increase", [15, 30, 45, 60], [100, 110, 120, 130])).toBe(30 * (60 / 45));
      expect(over("delta", [15, 30, 45, 60], [100, 110, 120, 130])).toBe(30 * (60 / 45));
      expect(over("rate", [15, 30, 45, 60], [100, 110, 120, 130])).toBe(30 * (60 / 45 / 60));
    });

    it("enter a wide gap by half an interval only", () => {
      // 10 s apart; 20 s are missing at either end: 5 s each.
      expect(over("delta", [20, 30, 40], [1, 2, 3])).toBe(2 * ((20 + 5 + 5) / 20));
    });

    it("close a gap of less than 1.1 intervals, not one of exactly 1.1", () => {
      expect(over("delta", [10.999, 20.999, 30.999, 40.999, 50.999], [1, 2, 3, 4, 5])).toBe(
        4 * ((40 + 10.999 + 9.001) / 40),
      );
      expect(over("delta", [11, 21, 31, 41, 51], [1, 2, 3, 4, 5])).toBe(4 * ((40 + 5 + 9) / 40));
    });

    it("do not stretch a counter to before it was zero", () => {
      // It grew by 30 in 45 s from 10: zero 15 s earlier would be 10; from 2 it was zero 3 s earlier.
      expect(over("increase", [15, 30, 45, 60], [2, 12, 22, 32])).toBe(30 * ((45 + 45 * (2 / 30)) / 45));
      expect(over("delta", [15, 30, 45, 60], [2, 12, 22, 32])).toBe(30 * (60 / 45));
    });

    it("add up what a counter lost in resets, and only a counter", () => {
      expect(over("increase", [15, 30, 45, 60], [100, 5, 20, 3])).toBe((3 - 100 + 100 + 20) * (60 / 45));
      expect(over("delta", [15, 30, 45, 60], [100, 5, 20, 3])).toBe((3 - 100) * (60 / 45));
    });

    it("need two samples in the window, whose left end is open", () => {
      expect(over("rate", [30], [1])).toBeUndefined();
      expect(over("rate", [0, 60], [1, 2])).toBeUndefined();
      expect(over("rate", [60, 61], [1, 2])).toBeUndefined();
      expect(over("rate", [], [])).toBeUndefined();
    });
  });

  it("irate and idelta look at the last two samples", () => {
    expect(over("irate", [1, 40, 50], [0, 10, 30])).toBe(2);
    expect(over("irate", [1, 40, 50], [0, 30, 10])).toBe(1);
    expect(over("idelta", [1, 40, 50], [0, 30, 10])).toBe(-20);
    expect(over("idelta", [50], [30])).toBeUndefined();
  });

  it("sums keep what plain addition loses", () => {
    expect(over("sum_over_time", [1, 2, 3, 4], [1e100, 1, -1e100, 1])).toBe(2);
    expect(over("avg_over_time", [1, 2, 3, 4], [1e100, 1, -1e100, 1])).toBe(0.5);
    expect(over("sum_over_time", [1, 2], [Number.MAX_VALUE, Number.MAX_VALUE])).toBe(Infinity);
    expect(over("avg_over_time", [1, 2], [Number.MAX_VALUE, Number.MAX_VALUE])).toBe(Number.MAX_VALUE);
    expect(over("avg_over_time", [1, 2, 3], [Infinity, 1, Infinity])).toBe(Infinity);
    expect(over("sum_over_time", [1, 2], [Infinity, -Infinity])).toBeNaN();
  });

  it("NaN loses against any number in min and max, and is alone only among itself", () => {
    expect(over("min_over_time", [1, 2, 3], [Number.NaN, 2, Number.NaN])).toBe(2);
    expect(over("max_over_time", [1, 2, 3], [Number.NaN, -2, Number.NaN])).toBe(-2);
    expect(over("max_over_time", [1, 2], [Number.NaN, Number.NaN])).toBeNaN();
    expect(over("ts_of_max_over_time", [1, 2, 3], [5, 5, 4])).toBe(2);
    expect(over("ts_of_min_over_time", [1, 2, 3], [4, 5, 4])).toBe(3);
  });

  it("changes and resets compare neighbours; from NaN to NaN is no change", () => {
    const values = [1, 1, Number.NaN, Number.NaN, 3, 2, -0, 0];
    const seconds = values.map((_, i) => i + 1);
    expect(over("changes", seconds, values)).toBe(4);
    expect(over("resets", seconds, values)).toBe(2);
    expect(over("changes", [1], [1])).toBe(0);
  });

  it("quantiles interpolate, and put NaN first", () => {
    expect(over("quantile_over_time", [1, 2, 3, 4], [4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(over("quantile_over_time", [1, 2, 3], [Number.NaN, 7, 5], 0.5)).toBe(5);
    expect(over("quantile_over_time", [1], [7], 2)).toBe(Infinity);
    expect(over("quantile_over_time", [1], [7], -0.1)).toBe(-Infinity);
    expect(over("quantile_over_time", [1], [7], Number.NaN)).toBeNaN();
    expect(over("mad_over_time", [1, 2, 3, 4, 5], [1, 1, 2, 2, 100])).toBe(1);
    expect(over("mad_over_time", [1, 2, 3], [1, Number.NaN, 2])).toBeNaN();
  });

  it("deriv and predict_linear lay a line through the samples", () => {
    expect(over("deriv", [10, 20, 30], [1, 3, 5])).toBeCloseTo(0.2, 12);
    expect(over("predict_linear", [10, 20, 30], [1, 3, 5], 40)).toBeCloseTo(19, 12);
    expect(over("deriv", [10, 20], [7, 7])).toBe(0);
    expect(over("deriv", [10, 20], [Infinity, Infinity])).toBeNaN();
    expect(over("deriv", [10], [7])).toBeUndefined();
    const grid = { start: 60_000, stepMs: 1, count: 1 };
    const columns = columnsOf([10_000, 20_000, 30_000], [1, 3, 5]);
    const later = rollUp(columns, "predict_linear", grid, 60_000, 40, {
      evaluationGrid: { ...grid, start: 70_000 },
    });
    expect(later[0]).toBeCloseTo(21, 12);
  });

  it("double_exponential_smoothing follows level and trend", () => {
    const grid = { start: 60_000, stepMs: 1, count: 1 };
    const columns = columnsOf([1000, 2000, 3000], [10, 12, 20]);
    // Level 12 after the second sample, trend 2; then 0.5 * 20 + 0.5 * (12 + 0.1 * 2 + 0.9 * 2) = 17.
    const result = rollUp(columns, "double_exponential_smoothing", grid, 60_000, 0.5, {
      secondParameter: 0.1,
    });
    expect(result[0]).toBeCloseTo(17, 12);
  });

  /** Definitions over a plain list of the window's values; to be agreed with but for the last bits. */
  const naive: Partial<Record<RollupFunction, (values: number[], times: number[]) => number>> = {
    sum_over_time: (values) => values.reduce((sum, value) => sum + value, 0),
    avg_over_time: (values) => values.reduce((sum, value) => sum + value / values.length, 0),
    count_over_time: (values) => values.length,
    min_over_time: (values) => Math.min(...values),
    max_over_time: (values) => Math.max(...values),
    first_over_time: (values) => values[0]!,
    last_over_time: (values) => values.at(-1)!,
    present_over_time: () => 1,
    stdvar_over_time: variance,
    stddev_over_time: (values) => Math.sqrt(variance(values)),
    changes: (values) => values.filter((value, i) => i > 0 && value !== values[i - 1]).length,
    resets: (values) => values.filter((value, i) => i > 0 && value < values[i - 1]!).length,
    ts_of_first_over_time: (_, times) => times[0]! / 1000,
    ts_of_last_over_time: (_, times) => Math.max(0, times.at(-1)! / 1000),
  };

  it.each(Object.entries(naive))("%s is what its definition says, in every window", (name, define) => {
    const tame = increasingColumns().map((columns) => ({
      ...columns,
      values: columns.values.map((value) => (Math.abs(value) < 1e6 ? Math.round(value * 4) / 4 : 17)),
    }));
    const grids = fc.record({
      start: fc.integer({ min: -50_000, max: 400_000 }),
      stepMs: fc.constantFrom(0, 7000, 15_000, 120_000),
      count: fc.nat(20),
    });
    fc.assert(
      fc.property(tame, grids, fc.integer({ min: 1, max: 200_000 }), (columns, grid, rangeMs) => {
        const steps = rollUp(columns, name as RollupFunction, grid, rangeMs);
        steps.forEach((result, step) => {
          const end = grid.start + step * grid.stepMs;
          const inWindow = (_: number, i: number) =>
            columns.times[i]! > end - rangeMs && columns.times[i]! <= end;
          const values = [...columns.values].filter(inWindow);
          if (values.length === 0) expect(result).toBeUndefined();
          else expect(result).toBeCloseTo(define(values, [...columns.times].filter(inWindow)), 6);
        });
      }),
      { numRuns: 100 },
    );
  });
});

function variance(values: number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}
