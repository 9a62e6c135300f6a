/**
 * The switch over plan nodes: control flow only. Synchronous: all that is needed was loaded before.
 */

import type { StepGrid } from "../../kernels/column-kernel.js";
import { unreachable } from "../../model/assert.js";
import type { NegationNode, PlanNode, RepeatNode, RollupNode } from "../plan/plan.js";
import { evaluateAggregation } from "./aggregate/aggregation.js";
import { evaluateBinary } from "./binary/binary.js";
import type { EvalContext } from "./context.js";
import { dropNames } from "./drop-names.js";
import { absentSteps } from "./functions/absent.js";
import { evaluateInfo } from "./functions/info.js";
import { evaluateCall } from "./functions/registry.js";
import { evaluateMatrix } from "./leaf/matrix.js";
import { collect, rollupReader, selectorReader } from "./leaf/series-reader.js";
import { vectorSeries } from "./operands.js";
import { type Column, scalar, type Value, vector } from "./value.js";

/** The value of the plan's root. */
export function evaluatePlan(context: Omit<EvalContext, "evaluate">): Value {
  const whole: EvalContext = { ...context, evaluate: (node) => evaluate(node, whole) };
  return whole.evaluate(context.plan.root);
}

function evaluate(node: PlanNode, context: EvalContext): Value {
  context.budget.checkTime("expression evaluation");
  return context.budget.holding(() => evaluateNode(node, context));
}

function evaluateNode(node: PlanNode, context: EvalContext): Value {
  switch (node.kind) {
    case "number":
      return scalar(context.budget.values(node.grid.count).fill(node.value));
    case "string":
      return { kind: "string", value: node.value };
    case "selector":
      return collect(selectorReader(node, context), node.grid, context);
    case "rollup":
      return evaluateRollup(node, context);
    case "matrix":
      return evaluateMatrix(node, context);
    case "call":
      return evaluateCall(node, context);
    case "info":
      return evaluateInfo(node, context);
    case "aggregation":
      return evaluateAggregation(node, context);
    case "binary":
      return evaluateBinary(node, context);
    case "negation":
      return evaluateNegation(node, context);
    case "repeat":
      return evaluateRepeat(node, context);
  }
  return unreachable(node);
}

function evaluateRollup(node: RollupNode, context: EvalContext): Value {
  const reader = rollupReader(node, context);
  if (node.function !== "absent_over_time") return collect(reader, node.grid, context);
  const column = context.budget.column(node.grid.count);
  const seen = new Uint8Array(node.grid.count);
  for (let index = 0; index < reader.labels.length; index++) {
    if (reader.read(index, column) === 0) continue;
    for (let step = 0; step < seen.length; step++) seen[step]! |= column.present[step]!;
  }
  const { source } = node.window;
  return absentSteps(seen, source.kind === "selector" ? source.selector.matchers : [], context);
}

function evaluateNegation(node: NegationNode, context: EvalContext): Value {
  const value = context.evaluate(node.expression);
  if (value.kind === "scalar") return scalar(value.values.map((each) => -each));
  const series = vectorSeries(value);
  for (const { column } of series) negate(column.values);
  return vector(dropNames(series, context));
}

function negate(values: Float64Array): void {
  for (let step = 0; step < values.length; step++) values[step] = -values[step]!;
}

function evaluateRepeat(node: RepeatNode, context: EvalContext): Value {
  const value = context.evaluate(node.expression);
  if (value.kind === "scalar") return scalar(context.budget.values(node.grid.count).fill(value.values[0]!));
  return vector(
    vectorSeries(value).map(({ labels, dropName, column }) => {
      return { labels, dropName, column: repeatColumn(column, node.grid, context) };
    }),
  );
}

function repeatColumn(column: Column, grid: StepGrid, context: EvalContext): Column {
  const repeated = context.budget.column(grid.count);
  repeated.values.fill(column.values[0]!);
  repeated.present.fill(column.present[0]!);
  return repeated;
}
