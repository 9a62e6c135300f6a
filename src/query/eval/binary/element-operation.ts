/**
 * What a binary operator does to two matched columns.
 */

import { assert } from "../../../model/assert.js";
import type { BinaryOperator } from "../../parser/ast.js";
import { ABSENT, type Column, FLOAT } from "../value.js";
import { arithmetic, comparison, isArithmetic, isComparison } from "./operators.js";

/**
 * Fills `into`, absent at every step before, where both columns have a value and the result is to be kept. A
 * comparison keeps the value of the left operand, whichever side that is.
 */
export type ElementOperation = (many: Column, one: Column, into: Column) => void;

export function elementOperation(how: {
  readonly operator: BinaryOperator;
  readonly bool: boolean;
  /** The many side is the right operand. */
  readonly swapped: boolean;
}): ElementOperation {
  const { operator, bool, swapped } = how;
  if (isArithmetic(operator)) {
    const compute = arithmetic[operator];
    return (many, one, into) => {
      const [left, right] = swapped ? [one, many] : [many, one];
      for (let step = 0; step < into.values.length; step++) {
        if (left.present[step] !== FLOAT || right.present[step] !== FLOAT) continue;
        into.values[step] = compute(left.values[step]!, right.values[step]!);
        into.present[step] = FLOAT;
      }
    };
  }
  assert(isComparison(operator), "matched vectors are computed with or compared");
  const holds = comparison[operator];
  return (many, one, into) => {
    const [left, right] = swapped ? [one, many] : [many, one];
    for (let step = 0; step < into.values.length; step++) {
      if (left.present[step] !== FLOAT || right.present[step] !== FLOAT) continue;
      const kept = holds(left.values[step]!, right.values[step]!);
      into.values[step] = bool ? Number(kept) : left.values[step]!;
      into.present[step] = bool || kept ? FLOAT : ABSENT;
    }
  };
}
