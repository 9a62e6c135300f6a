/**
 * `absent` and `absent_over_time`: 1 where there is nothing, with what the selector says of the labels.
 */

import { Labels, METRIC_NAME } from "../../../model/labels.js";
import type { Matcher } from "../../../model/matcher.js";
import type { PlanNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import { vectorSeries } from "../operands.js";
import { ABSENT, EMPTY_VECTOR, FLOAT, type Value, vector } from "../value.js";
import type { InstantFunction } from "./function-call.js";

export const absent: InstantFunction = function* ({ node, arguments: [operand], context }) {
  const seen = context.budget.flags(node.grid.count);
  for (const { column } of vectorSeries(operand!)) {
    for (let step = 0; step < seen.length; step++) seen[step]! |= column.present[step]!;
    if (context.budget.tick(seen.length)) yield;
  }
  return absentSteps(seen, matchersOf(node.arguments[0]!), context);
};

/** 1 at the steps at which nothing was seen. */
export function absentSteps(seen: Uint8Array, matchers: readonly Matcher[], context: EvalContext): Value {
  if (!seen.includes(ABSENT)) return EMPTY_VECTOR;
  const column = context.budget.column(seen.length);
  column.values.fill(1);
  for (let step = 0; step < seen.length; step++)
    column.present[step] = seen[step] === ABSENT ? FLOAT : ABSENT;
  return vector([{ labels: labelsOf(matchers), dropName: false, column }]);
}

function matchersOf(node: PlanNode): readonly Matcher[] {
  if (node.kind === "repeat") return matchersOf(node.expression);
  return node.kind === "selector" && node.output === "value" ? node.source.matchers : [];
}

/** A label that one equality alone pins down; a second condition on it, even the same, makes it unknown. */
function labelsOf(matchers: readonly Matcher[]): Labels {
  const known = new Map<string, string>();
  const decided = new Set<string>();
  for (const { name, operator, value } of matchers) {
    if (name === METRIC_NAME) continue;
    if (operator === "=" && !decided.has(name)) {
      known.set(name, value);
      decided.add(name);
    } else {
      known.delete(name);
    }
  }
  return Labels.from(known);
}
