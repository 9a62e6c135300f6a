import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReducingOperator, reducer } from "../../../../src/query/eval/aggregate/reduce.js";
import { QueryBudget } from "../../../../src/query/eval/budget.js";
import { FakeClock } from "../../../support/fake-clock.js";

/** Reduces series of one step each; undefined is a series without a value there. */
function reduce(operator: ReducingOperator, values: readonly (number | undefined)[]): number | undefined {
  const budget = new QueryBudget({ samplesMax: 1e6, bytesMax: 1e6, timeoutMs: 1000 }, new FakeClock());
  const reducing = reducer(operator, 1, budget);
  for (const value of values) {
    reducing.add({
      values: Float64Array.of(value ?? 0),
      present: Uint8Array.of(value === undefined ? 0 : 1),
    });
  }
  const { values: results, present } = reducing.finish();
  return present[0] === 1 ? results[0] : undefined;
}

const operators = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"] as const;

describe("reducer", () => {
  it.each(operators)("%s of nothing is absent", (operator) => {
    expect(reduce(operator, [undefined, undefined])).toBeUndefined();
  });

  it.each([
    ["sum", [1, undefined, 2], 3],
    ["sum", [1e100, 1, -1e100], 1],
    ["sum", [Infinity, 1], Infinity],
    ["sum", [Infinity, -Infinity], Number.NaN],
    ["avg", [1, 2, 6], 3],
    ["avg", [1.5e308, 1.5e308], 1.5e308],
    ["avg", [Infinity, 1], Infinity],
    ["avg", [-Infinity, Infinity], Number.NaN],
    ["min", [Number.NaN, 2, 1], 1],
    ["max", [2, Number.NaN, 1], 2],
    ["max", [Number.NaN, Number.NaN], Number.NaN],
    ["count", [Number.NaN, 1, undefined], 2],
    ["group", [7, 8], 1],
    ["stdvar", [1, 2, 3, 6], 3.5],
    ["stddev", [4, 4], 0],
    ["stddev", [1, Infinity], Number.NaN],
  ] as const)("%s of %j is %d", (operator, values, expected) => {
    expect(reduce(operator, values)).toBe(expected);
  });

  it("sums integers exactly, in any order", () => {
    const integers = fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(integers, (values) => {
        const exact = Number(values.reduce((sum, value) => sum + BigInt(value), 0n));
        expect(reduce("sum", values)).toBe(exact + 0);
        expect(reduce("sum", [...values].reverse())).toBe(exact + 0);
      }),
    );
  });
});
