/**
 * `quantile`: over the values of a group at one step, interpolated between the two nearest ranks.
 */

import type { AggregationNode } from "../../plan/plan.js";
import { LABEL_WORK } from "../budget.js";
import type { EvalContext } from "../context.js";
import type { Slices } from "../slices.js";
import { type Column, FLOAT, type Value, type VectorSeries, vector } from "../value.js";
import { GroupTable } from "./grouping.js";

/** What sorting one value among many costs, in samples. */
const sortWork = 10;

export interface AggregationOperands {
  readonly series: readonly VectorSeries[];
  /** Per step. */
  readonly parameter: Float64Array;
}

export function* aggregateQuantile(
  node: AggregationNode,
  { series, parameter }: AggregationOperands,
  context: EvalContext,
): Slices<Value> {
  warnOfQuantiles(node, parameter, context);
  const table = new GroupTable(node, (labels) => ({ labels, dropName: false, columns: [] as Column[] }));
  for (const { labels, dropName, column } of series) {
    const group = table.groupOf(labels);
    group.columns.push(column);
    group.dropName ||= dropName;
    if (context.budget.tick(LABEL_WORK)) yield;
  }
  const results: VectorSeries[] = [];
  for (const { labels, dropName, columns } of table.groups()) {
    const column = context.budget.column(node.grid.count);
    const room = new Float64Array(columns.length);
    for (let step = 0; step < node.grid.count; step++) {
      const values = gather(columns, step, room);
      if (context.budget.tick(values.length * sortWork)) yield;
      if (values.length === 0) continue;
      column.values[step] = quantileOf(values, parameter[step]!);
      column.present[step] = FLOAT;
    }
    results.push({ labels, dropName, column });
  }
  return vector(results);
}

/** The largest and smallest one out of bounds are named, not every step's. */
function warnOfQuantiles(node: AggregationNode, parameter: Float64Array, context: EvalContext): void {
  const { span } = node.parameter!;
  if (parameter.some(Number.isNaN)) context.annotations.invalidQuantile(Number.NaN, span);
  const largest = parameter.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const smallest = parameter.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (largest > 1) context.annotations.invalidQuantile(largest, span);
  if (smallest < 0) context.annotations.invalidQuantile(smallest, span);
}

function gather(columns: readonly Column[], step: number, room: Float64Array): Float64Array {
  let length = 0;
  for (const { values, present } of columns) if (present[step] === FLOAT) room[length++] = values[step]!;
  return room.subarray(0, length);
}

/** Sorts `values`, of which there are some; NaN counts as below everything. */
function quantileOf(values: Float64Array, quantile: number): number {
  if (Number.isNaN(quantile)) return Number.NaN;
  if (quantile < 0) return Number.NEGATIVE_INFINITY;
  if (quantile > 1) return Number.POSITIVE_INFINITY;
  // Without a comparison of ours the sort is many times faster; it puts NaN last instead of first.
  values.sort();
  let numbers = values.length;
  while (numbers > 0 && Number.isNaN(values[numbers - 1]!)) numbers--;
  const missing = values.length - numbers;
  const at = (rank: number): number => (rank < missing ? Number.NaN : values[rank - missing]!);
  const rank = quantile * (values.length - 1);
  const lower = Math.floor(rank);
  const upper = Math.min(values.length - 1, lower + 1);
  const weight = rank - lower;
  return at(lower) * (1 - weight) + at(upper) * weight;
}
