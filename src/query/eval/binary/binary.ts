/**
 * Binary operators: which of the operands are vectors decides who computes.
 */

import { assert } from "../../../model/assert.js";
import type { BinaryOperator } from "../../parser/ast.js";
import type { BinaryNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import { scalarValues, vectorSeries } from "../operands.js";
import type { Slices } from "../slices.js";
import { EMPTY_VECTOR, scalar, type Value } from "../value.js";
import { arithmetic, comparison, isArithmetic, isComparison } from "./operators.js";
import { evaluateSetOperator } from "./set-operators.js";
import { evaluateVectorMatching } from "./vector-matching.js";
import { evaluateVectorScalar } from "./vector-scalar.js";

export function* evaluateBinary(node: BinaryNode, context: EvalContext): Slices<Value> {
  const left = yield* context.evaluate(node.left);
  const right = yield* context.evaluate(node.right);
  if (left.kind === "scalar" && right.kind === "scalar")
    return scalars(node.operator, left.values, right.values);
  const { operator, grid } = node;
  if (operator === "</" || operator === ">/") {
    const [leftType, rightType] = [left, right].map(typeOfFloats);
    if (leftType && rightType)
      context.annotations.incompatibleTypes({ left: "float", operator, right: "float" }, node.span);
    return EMPTY_VECTOR;
  }
  if (left.kind === "scalar") {
    const operands = { series: vectorSeries(right), scalar: left.values, scalarIsLeft: true };
    return yield* evaluateVectorScalar(node, operands, context);
  }
  if (right.kind === "scalar") {
    const operands = { series: vectorSeries(left), scalar: scalarValues(right), scalarIsLeft: false };
    return yield* evaluateVectorScalar(node, operands, context);
  }
  const { matching } = node;
  assert(matching !== null, "two vectors are matched somehow");
  const operands = { left: vectorSeries(left), right: vectorSeries(right) };
  if (operator === "and" || operator === "or" || operator === "unless") {
    return yield* evaluateSetOperator({ operator, matching, grid, ...operands }, context.budget);
  }
  return yield* evaluateVectorMatching({ node, matching, ...operands }, context);
}

/** Whether there is a float that a trim operator would have to refuse. */
function typeOfFloats(value: Value): boolean {
  return value.kind === "scalar" || vectorSeries(value).length > 0;
}

/** Computed in place of the left operand. */
function scalars(operator: BinaryOperator, left: Float64Array, right: Float64Array): Value {
  if (isArithmetic(operator)) {
    const compute = arithmetic[operator];
    for (let step = 0; step < left.length; step++) left[step] = compute(left[step]!, right[step]!);
    return scalar(left);
  }
  assert(isComparison(operator), "scalars are computed with or compared");
  const holds = comparison[operator];
  for (let step = 0; step < left.length; step++) left[step] = Number(holds(left[step]!, right[step]!));
  return scalar(left);
}
