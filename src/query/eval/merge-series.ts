/**
 * Series that have come to bear the same labels: one series if they never have a value at the same step, else an
 * error.
 */

import { QueryError } from "../../model/errors.js";
import { LABEL_WORK, type QueryBudget } from "./budget.js";
import type { Slices } from "./slices.js";
import { FLOAT, type VectorSeries } from "./value.js";

export function sameLabelset(): QueryError {
  return new QueryError("vector cannot contain metrics with the same labelset");
}

/** Merges in place of the first of each group; the order is that of first appearance. Columns are written over. */
export function* mergeSeries(
  series: readonly VectorSeries[],
  budget: QueryBudget,
): Slices<readonly VectorSeries[]> {
  if (series.length < 2) return series;
  const merged = new Map<string, VectorSeries>();
  for (const each of series) {
    const key = each.labels.key();
    const first = merged.get(key);
    if (first === undefined) merged.set(key, each);
    else mergeInto(first, each);
    if (budget.tick(LABEL_WORK + (first === undefined ? 0 : each.column.values.length))) yield;
  }
  return merged.size === series.length ? series : [...merged.values()];
}

function mergeInto(target: VectorSeries, source: VectorSeries): void {
  const { values, present } = target.column;
  for (let step = 0; step < values.length; step++) {
    if (source.column.present[step] !== FLOAT) continue;
    if (present[step] === FLOAT) throw sameLabelset();
    values[step] = source.column.values[step]!;
    present[step] = FLOAT;
  }
}
