/**
 * The switch over plan nodes: control flow only. All that is needed was loaded before; what takes long is done in
 * slices.
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
import type { Slices } from "./slices.js";
import { type Column, scalar, type Value, type VectorSeries, vector } from "./value.js";

/** The value of the plan's root. */
export function evaluatePlan(context: Omit<EvalContext, "evaluate">): Slices<Value> {
  const whole: EvalContext = { ...context, evaluate: (node) => evaluate(node, whole) };
  return whole.evaluate(context.plan.root);
}

function evaluate(node: PlanNode, context: EvalContext): Slices<Value> {
  context.budget.checkTime("expression evaluation");
  return context.budget.holding(evaluateNode(node, context));
}

function* evaluateNode(node: PlanNode, context: EvalContext): Slices<Value> {
  switch (node.kind) {
    case "number":
      return scalar(context.budget.values(node.grid.count).fill(node.value));
    case "string":
      return { kind: "string", value: node.value };
    case "selector":
      return yield* collect(selectorReader(node, context), node.grid, context);
    case "rollup":
      return yield* evaluateRollup(node, context);
    case "matrix":
      return yield* evaluateMatrix(node, context);
    case "call":
      return yield* evaluateCall(node, context);
    case "info":
      return yield* evaluateInfo(node, context);
    case "aggregation":
      return yield* evaluateAggregation(node, context);
    case "binary":
      return yield* evaluateBinary(node, context);
    case "negation":
      return yield* evaluateNegation(node, context);
    case "repeat":
      return yield* evaluateRepeat(node, context);
  }
  return unreachable(node);
}

function* evaluateRollup(node: RollupNode, context: EvalContext): Slices<Value> {
  const { budget } = context;
  if (node.function !== "absent_over_time")
    return yield* collect(rollupReader(node, context), node.grid, context);
  const reader = yield* rollupReader(node, context);
  const column = budget.column(node.grid.count);
  const seen = budget.flags(node.grid.count);
  for (let index = 0; index < reader.labels.length; index++) {
    const reading = reader.read(index, column);
    const count = typeof reading === "number" ? reading : yield* reading;
    if (budget.tick(seen.length)) yield;
    if (count === 0) continue;
    for (let step = 0; step < seen.length; step++) seen[step]! |= column.present[step]!;
  }
  const { source } = node.window;
  return absentSteps(seen, source.kind === "selector" ? source.selector.matchers : [], context);
}

function* evaluateNegation(node: NegationNode, context: EvalContext): Slices<Value> {
  const value = yield* context.evaluate(node.expression);
  if (value.kind === "scalar") {
    negate(value.values);
    return value;
  }
  const series = vectorSeries(value);
  for (const { column } of series) {
    negate(column.values);
    if (context.budget.tick(column.values.length)) yield;
  }
  return vector(yield* dropNames(series, context));
}

function negate(values: Float64Array): void {
  for (let step = 0; step < values.length; step++) values[step] = -values[step]!;
}

function* evaluateRepeat(node: RepeatNode, context: EvalContext): Slices<Value> {
  const value = yield* context.evaluate(node.expression);
  if (value.kind === "scalar") return scalar(context.budget.values(node.grid.count).fill(value.values[0]!));
  const repeated: VectorSeries[] = [];
  for (const { labels, dropName, column } of vectorSeries(value)) {
    repeated.push({ labels, dropName, column: repeatColumn(column, node.grid, context) });
    if (context.budget.tick(node.grid.count)) yield;
  }
  return vector(repeated);
}

function repeatColumn(column: Column, grid: StepGrid, context: EvalContext): Column {
  const repeated = context.budget.column(grid.count);
  repeated.values.fill(column.values[0]!);
  repeated.present.fill(column.present[0]!);
  return repeated;
}
