/**
 * From columns to what callers are given: vectors of one time, points per series, in the order that Prometheus
 * promises (label order, except for instant vectors, which `sort` may have ordered).
 */

import { unreachable } from "../../model/assert.js";
import { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import type { Plan } from "../plan/plan.js";
import { withoutMetadata } from "./drop-names.js";
import { mergeSeries } from "./merge-series.js";
import { GridPoints } from "./points.js";
import { FLOAT, type MatrixSeries, type Value, type VectorSeries } from "./value.js";

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
export function instantResult(value: Value, time: TimestampMs): EvaluatedResult {
  switch (value.kind) {
    case "scalar":
      return { type: "scalar", time, value: value.values[0]! };
    case "string":
      return { type: "string", time, value: value.value };
    case "matrix":
      return { type: "matrix", series: inLabelOrder(value.series) };
    case "vector": {
      const present = finalNames(value.series).filter(({ column }) => column.present[0] === FLOAT);
      return {
        type: "vector",
        series: present.map(({ labels, column }) => ({ labels, time, value: column.values[0]! })),
      };
    }
  }
  return unreachable(value);
}

/** The result of a range query: points of scalars and vectors. */
export function rangeResult(value: Value, plan: Plan): EvaluatedResult {
  const { grid } = plan.root;
  const points = new GridPoints(grid);
  if (value.kind === "scalar") {
    const { times, values } = points.of({
      values: value.values,
      present: new Uint8Array(grid.count).fill(FLOAT),
    });
    return { type: "matrix", series: grid.count === 0 ? [] : [{ labels: Labels.empty, times, values }] };
  }
  const series = value.kind === "vector" ? finalNames(value.series) : [];
  const found = series.map(({ labels, column }) => {
    const { times, values } = points.of(column);
    return { labels, times, values };
  });
  return { type: "matrix", series: inLabelOrder(found) };
}

/** Delayed name removal comes to its end: names go, and series that became equal are merged. */
function finalNames(series: readonly VectorSeries[]): readonly VectorSeries[] {
  if (!series.some(({ dropName }) => dropName)) return series;
  const named = series.map((each) => {
    return each.dropName ? { ...each, labels: withoutMetadata(each.labels), dropName: false } : each;
  });
  return mergeSeries(named);
}

function inLabelOrder(series: readonly MatrixSeries[]): readonly MatrixSeries[] {
  return [...series].sort((a, b) => a.labels.compare(b.labels));
}
