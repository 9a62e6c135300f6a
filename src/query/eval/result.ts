/**
 * From columns to what callers are given: vectors of one time, points per series, in the order that Prometheus
 * promises (label order, except for instant vectors, which `sort` may have ordered).
 */

import { unreachable } from "../../model/assert.js";
import { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import type { Plan } from "../plan/plan.js";
import type { QueryBudget } from "./budget.js";
import { finalNames } from "./drop-names.js";
import { GridPoints } from "./points.js";
import { type Slices, sortInSlices } from "./slices.js";
import { FLOAT, type MatrixSeries, type Value } from "./value.js";

/** What one result costs, in samples. */
const sampleWork = 20;

export type EvaluatedResult =
  | { readonly type: "vector"; readonly series: readonly InstantSample[] }
  | { readonly type: "matrix"; readonly series: readonly MatrixSeries[] }
  | { readonly type: "scalar"; readonly time: TimestampMs; readonly value: number }
  | { readonly type: "string"; readonly time: TimestampMs; readonly value: string };

export interface InstantSample {
  readonly labels: Labels;
  readonly time: TimestampMs;
  readonly value: number;
}

/** The result of an instant query, at its one time. */
export function* instantResult(
  value: Value,
  time: TimestampMs,
  budget: QueryBudget,
): Slices<EvaluatedResult> {
  switch (value.kind) {
    case "scalar":
      return { type: "scalar", time, value: value.values[0]! };
    case "string":
      return { type: "string", time, value: value.value };
    case "matrix":
      return { type: "matrix", series: yield* inLabelOrder(value.series, budget) };
    case "vector": {
      const series: InstantSample[] = [];
      for (const { labels, column } of yield* finalNames(value.series, budget)) {
        if (column.present[0] === FLOAT) series.push({ labels, time, value: column.values[0]! });
        if (budget.tick(sampleWork)) yield;
      }
      return { type: "vector", series };
    }
  }
  return unreachable(value);
}

/** The result of a range query: points of scalars and vectors. */
export function* rangeResult(value: Value, plan: Plan, budget: QueryBudget): Slices<EvaluatedResult> {
  const { grid } = plan.root;
  const points = new GridPoints(grid, budget);
  if (value.kind === "scalar") {
    const { times, values } = points.of({
      values: value.values,
      present: budget.flags(grid.count).fill(FLOAT),
    });
    return { type: "matrix", series: grid.count === 0 ? [] : [{ labels: Labels.empty, times, values }] };
  }
  const found: MatrixSeries[] = [];
  if (value.kind === "vector") {
    for (const { labels, column } of yield* finalNames(value.series, budget)) {
      const { times, values } = points.of(column);
      found.push({ labels, times, values });
      if (budget.tick(sampleWork + grid.count)) yield;
    }
  }
  return { type: "matrix", series: yield* inLabelOrder(found, budget) };
}

function inLabelOrder(series: readonly MatrixSeries[], budget: QueryBudget): Slices<readonly MatrixSeries[]> {
  return sortInSlices(series, (a, b) => a.labels.compare(b.labels), budget);
}
