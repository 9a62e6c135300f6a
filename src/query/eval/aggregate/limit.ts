/**
 * `limitk` and `limit_ratio`: some series of each group, whatever their values. `limit_ratio` chooses by a hash of
 * the labels, the same in every query, and takes the complement for negative ratios.
 */

import { QueryError } from "../../../model/errors.js";
import type { AggregationNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import type { Slices } from "../slices.js";
import { EMPTY_VECTOR, FLOAT, type Value, vector } from "../value.js";
import { labelFraction } from "./label-fraction.js";
import type { AggregationOperands } from "./quantile.js";
import { groupIndices, StepSelection } from "./select-steps.js";
import { checkCounts } from "./topk.js";

/** What the hash of a label set costs, in samples. */
const hashWork = 5000;

export function* selectFirst(
  node: AggregationNode,
  { series, parameter }: AggregationOperands,
  context: EvalContext,
): Slices<Value> {
  if (!checkCounts(parameter)) return EMPTY_VECTOR;
  const selection = new StepSelection(series, context.budget);
  for (const group of yield* groupIndices(series, node, context.budget)) {
    for (let step = 0; step < node.grid.count; step++) {
      let left = Math.trunc(parameter[step]!);
      for (const index of group) {
        if (left < 1) break;
        if (series[index]!.column.present[step] !== FLOAT) continue;
        selection.take(index, step);
        left--;
      }
      if (context.budget.tick(group.length)) yield;
    }
  }
  return vector(yield* selection.result());
}

export function* selectByHash(
  node: AggregationNode,
  { series, parameter }: AggregationOperands,
  context: EvalContext,
): Slices<Value> {
  if (parameter.every((ratio) => ratio === 0)) return EMPTY_VECTOR;
  if (parameter.some(Number.isNaN)) throw new QueryError("Ratio value is NaN");
  warnOfRatios(node, parameter, context);
  const selection = new StepSelection(series, context.budget);
  for (const [index, { labels, column }] of series.entries()) {
    const fraction = labelFraction(labels);
    for (let step = 0; step < node.grid.count; step++) {
      if (column.present[step] !== FLOAT) continue;
      const ratio = Math.max(-1, Math.min(1, parameter[step]!));
      const taken = ratio >= 0 ? fraction < ratio : fraction >= 1 + ratio;
      if (taken) selection.take(index, step);
    }
    if (context.budget.tick(node.grid.count + hashWork)) yield;
  }
  return vector(yield* selection.result());
}

function warnOfRatios(node: AggregationNode, parameter: Float64Array, context: EvalContext): void {
  const largest = parameter.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const smallest = parameter.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (largest > 1) context.annotations.invalidRatio(largest, 1, node.parameter!.span);
  if (smallest < -1) context.annotations.invalidRatio(smallest, -1, node.parameter!.span);
}
