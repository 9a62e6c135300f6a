/**
 * A vector and a scalar: arithmetic changes values, a comparison drops steps, `bool` makes it 0 or 1.
 */

import { assert } from "../../../model/assert.js";
import type { ArithmeticOperator, ComparisonOperator } from "../../parser/ast.js";
import type { BinaryNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import { dropNames } from "../drop-names.js";
import type { Slices } from "../slices.js";
import { ABSENT, type Column, FLOAT, hasValue, type Value, type VectorSeries, vector } from "../value.js";
import { arithmetic, comparison, isArithmetic, isComparison } from "./operators.js";

export interface VectorScalarOperands {
  readonly series: readonly VectorSeries[];
  readonly scalar: Float64Array;
  readonly scalarIsLeft: boolean;
}

/** Columns are changed in place. */
export function* evaluateVectorScalar(
  node: BinaryNode,
  operands: VectorScalarOperands,
  context: EvalContext,
): Slices<Value> {
  const { operator, bool } = node;
  const { series } = operands;
  if (isArithmetic(operator)) {
    for (const { column } of series) {
      compute(operator, column, operands);
      if (context.budget.tick(column.values.length)) yield;
    }
    return vector(yield* dropNames(series, context));
  }
  assert(isComparison(operator), "a vector and a scalar are computed with or compared");
  if (bool) {
    for (const { column } of series) {
      judge(operator, column, operands);
      if (context.budget.tick(column.values.length)) yield;
    }
    return vector(yield* dropNames(series, context));
  }
  const kept: VectorSeries[] = [];
  for (const each of series) {
    filter(operator, each.column, operands);
    if (hasValue(each.column)) kept.push(each);
    if (context.budget.tick(each.column.values.length)) yield;
  }
  return vector(kept);
}

function compute(
  operator: ArithmeticOperator,
  { values, present }: Column,
  operands: VectorScalarOperands,
): void {
  const apply = arithmetic[operator];
  const { scalar, scalarIsLeft } = operands;
  for (let step = 0; step < values.length; step++) {
    if (present[step] !== FLOAT) continue;
    values[step] = scalarIsLeft ? apply(scalar[step]!, values[step]!) : apply(values[step]!, scalar[step]!);
  }
}

function judge(
  operator: ComparisonOperator,
  { values, present }: Column,
  operands: VectorScalarOperands,
): void {
  const holds = comparison[operator];
  const { scalar, scalarIsLeft } = operands;
  for (let step = 0; step < values.length; step++) {
    if (present[step] !== FLOAT) continue;
    const value = values[step]!;
    values[step] = (scalarIsLeft ? holds(scalar[step]!, value) : holds(value, scalar[step]!)) ? 1 : 0;
  }
}

function filter(
  operator: ComparisonOperator,
  { values, present }: Column,
  operands: VectorScalarOperands,
): void {
  const holds = comparison[operator];
  const { scalar, scalarIsLeft } = operands;
  for (let step = 0; step < values.length; step++) {
    if (present[step] !== FLOAT) continue;
    const value = values[step]!;
    if (!(scalarIsLeft ? holds(scalar[step]!, value) : holds(value, scalar[step]!))) present[step] = ABSENT;
  }
}
