/**
 * `and`, `or`, `unless`: which series have a partner with the same signature, step by step.
 */

import type { StepGrid } from "../../../kernels/column-kernel.js";
import type { SetOperator, VectorMatching } from "../../parser/ast.js";
import { LABEL_WORK, type QueryBudget } from "../budget.js";
import { LabelPart } from "../label-part.js";
import { mergeSeries } from "../merge-series.js";
import type { Slices } from "../slices.js";
import { ABSENT, hasValue, type Value, type VectorSeries, vector } from "../value.js";

export interface SetOperands {
  readonly operator: SetOperator;
  readonly left: readonly VectorSeries[];
  readonly right: readonly VectorSeries[];
  readonly matching: VectorMatching;
  readonly grid: StepGrid;
}

export function* evaluateSetOperator(
  { operator, left, right, matching, grid }: SetOperands,
  budget: QueryBudget,
): Slices<Value> {
  const matched = new LabelPart(matching.labels, { without: !matching.on });
  const signature = (series: VectorSeries): string => matched.keyOf(series.labels);
  if (operator === "or") {
    const seen = yield* presenceBySignature(left, signature, grid, budget);
    const added = yield* keepWhere(right, { signature, presence: seen, wasSeen: false }, budget);
    return vector(yield* mergeSeries([...left, ...added], budget));
  }
  const seen = yield* presenceBySignature(right, signature, grid, budget);
  const wasSeen = operator === "and";
  return vector(yield* keepWhere(left, { signature, presence: seen, wasSeen }, budget));
}

type Signature = (series: VectorSeries) => string;

/** Per signature, the steps at which any of the series has a value. */
function* presenceBySignature(
  series: readonly VectorSeries[],
  signature: Signature,
  grid: StepGrid,
  budget: QueryBudget,
): Slices<ReadonlyMap<string, Uint8Array>> {
  const presence = new Map<string, Uint8Array>();
  for (const each of series) {
    const key = signature(each);
    let seen = presence.get(key);
    if (seen === undefined) {
      seen = budget.flags(grid.count);
      presence.set(key, seen);
    }
    for (let step = 0; step < grid.count; step++) seen[step]! |= each.column.present[step]!;
    if (budget.tick(grid.count + LABEL_WORK)) yield;
  }
  return presence;
}

/** Leaves of each series the steps at which its signature was seen (or was not). Changes columns in place. */
function* keepWhere(
  series: readonly VectorSeries[],
  how: {
    readonly signature: Signature;
    readonly presence: ReadonlyMap<string, Uint8Array>;
    readonly wasSeen: boolean;
  },
  budget: QueryBudget,
): Slices<readonly VectorSeries[]> {
  const { signature, presence, wasSeen } = how;
  const kept: VectorSeries[] = [];
  for (const each of series) {
    const seen = presence.get(signature(each));
    const { present } = each.column;
    if (budget.tick(present.length + LABEL_WORK)) yield;
    if (seen !== undefined) {
      for (let step = 0; step < present.length; step++) {
        if ((seen[step] !== ABSENT) !== wasSeen) present[step] = ABSENT;
      }
    }
    if (seen === undefined ? !wasSeen : hasValue(each.column)) kept.push(each);
  }
  return kept;
}
