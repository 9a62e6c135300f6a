import { describe, expect, it } from "vitest";
import { parse } from "../../../src/query/parser/parse.js";
import { buildPlan } from "../../../src/query/plan/build-plan.js";
import { childrenOf, type Plan, type PlanNode } from "../../../src/query/plan/plan.js";

const features = new Set(["promql-experimental-functions", "promql-extended-range-selectors"]);

function planOf(text: string, query = { start: 600_000, end: 1_200_000, stepMs: 60_000 }): Plan {
  return buildPlan(parse(text, { features }), { text, query, lookbackMs: 300_000, defaultStepMs: 60_000 });
}

function kinds(node: PlanNode): string {
  const children = childrenOf(node).map(kinds);
  return children.length === 0 ? node.kind : `${node.kind}(${children.join(", ")})`;
}

describe("step-invariant parts", () => {
  it.each([
    ["x @ 5 + y", "binary(repeat(selector), selector)"],
    ["x @ 5 + sum(y @ end())", "repeat(binary(selector, aggregation(selector)))"],
    ["rate(x[5m] @ 5)", "repeat(rollup)"],
    ["hour(x @ 5)", "call(repeat(selector))"],
    ["timestamp(x @ 5)", "selector"],
    ["1 + 2", "repeat(binary(number, number))"],
    ["(((1)))", "number"],
    ["sum_over_time(hour(x @ 5)[1h:1m])", "rollup(call(repeat(selector)))"],
    ["quantile_over_time(scalar(y), x[5m] @ 5)", "rollup(call(selector))"],
  ])("%s", (text, expected) => {
    expect(kinds(planOf(text).root)).toBe(expected);
  });

  it("has nothing to repeat in an instant query", () => {
    expect(kinds(planOf("x @ 5 + y", { start: 0, end: 0, stepMs: 0 }).root)).toBe(
      "binary(selector, selector)",
    );
  });
});

describe("what is loaded", () => {
  it.each([
    ["x", 600_000 - 300_000 + 1, 1_200_000],
    ["x offset 1m", 540_000 - 300_000 + 1, 1_140_000],
    ["x[1m]", 600_000 - 60_000 + 1, 1_200_000],
    ["x @ 100", 100_000 - 300_000 + 1, 100_000],
    ["x @ start() offset -1m", 660_000 - 300_000 + 1, 660_000],
    ["increase(x[1m] anchored)", 600_000 - 60_000 - 300_000 + 1, 1_200_000],
    ["increase(x[1m] smoothed)", 600_000 - 60_000 - 300_000 + 1, 1_500_000],
    ["sum_over_time(x[10m:1m])", 60_000 - 300_000 + 1, 1_200_000],
    ["sum_over_time(sum_over_time(x[5m])[10m:4m] offset 2m)", 0 - 300_000 + 1, 960_000],
  ])("%s", (text, minTime, maxTime) => {
    expect(planOf(text).selects).toMatchObject([{ range: { minTime, maxTime } }]);
  });

  it("reads info series at the times at which the base's samples were", () => {
    const { root, selects } = planOf("info(x offset 2m)");
    expect(root.kind === "info" && root.source.data.start).toBe(480_000);
    expect(selects.map(({ matchers }) => matchers.join())).toEqual([
      '__name__="x"',
      '__name__="target_info"',
    ]);
  });
});

describe("refusals", () => {
  it("names the functions that a modifier goes with", () => {
    expect(() => planOf("deriv(x[5m] anchored)")).toThrow(
      "anchored modifier can only be used with: changes, delta, increase, rate, resets - not with deriv",
    );
  });
});
