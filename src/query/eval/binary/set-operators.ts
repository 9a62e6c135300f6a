/**
 * `and`, `or`, `unless`: which series have a partner with the same signature, step by step.
 */

import type { StepGrid } from "../../../kernels/column-kernel.js";
import type { SetOperator, VectorMatching } from "../../parser/ast.js";
import { mergeSeries } from "../merge-series.js";
import { ABSENT, hasValue, type Value, type VectorSeries, vector } from "../value.js";
import { matchedLabels } from "./signature.js";

export interface SetOperands {
  readonly operator: SetOperator;
  readonly left: readonly VectorSeries[];
  readonly right: readonly VectorSeries[];
  readonly matching: VectorMatching;
  readonly grid: StepGrid;
}

export function evaluateSetOperator({ operator, left, right, matching, grid }: SetOperands): Value {
  const matched = matchedLabels(matching);
  const signature = (series: VectorSeries): string => matched(series.labels).key();
  if (operator === "or") {
    const seen = presenceBySignature(left, signature, grid);
    return vector(mergeSeries([...left, ...keepWhere(right, signature, seen, false)]));
  }
  const seen = presenceBySignature(right, signature, grid);
  return vector(keepWhere(left, signature, seen, operator === "and"));
}

type Signature = (series: VectorSeries) => string;

/** Per signature, the steps at which any of the series has a value. */
function presenceBySignature(
  series: readonly VectorSeries[],
  signature: Signature,
  grid: StepGrid,
): ReadonlyMap<string, Uint8Array> {
  const presence = new Map<string, Uint8Array>();
  for (const each of series) {
    const key = signature(each);
    let seen = presence.get(key);
    if (seen === undefined) {
      seen = new Uint8Array(grid.count);
      presence.set(key, seen);
    }
    for (let step = 0; step < grid.count; step++) seen[step]! |= each.column.present[step]!;
  }
  return presence;
}

/** Leaves of each series the steps at which its signature was seen (or was not). Changes columns in place. */
function keepWhere(
  series: readonly VectorSeries[],
  signature: Signature,
  presence: ReadonlyMap<string, Uint8Array>,
  wasSeen: boolean,
): readonly VectorSeries[] {
  return series.filter((each) => {
    const seen = presence.get(signature(each));
    if (seen === undefined) return !wasSeen;
    const { present } = each.column;
    for (let step = 0; step < present.length; step++) {
      if ((seen[step] !== ABSENT) !== wasSeen) present[step] = ABSENT;
    }
    return hasValue(each.column);
  });
}
