/**
 * `sort` and its kin: the order of an instant query's vector. Range queries are always in label order.
 */

import { compareText } from "../../../model/text-order.js";
import { stringValue, vectorSeries } from "../operands.js";
import { type Slices, sortInSlices } from "../slices.js";
import { FLOAT, type Value, type VectorSeries, vector } from "../value.js";
import type { FunctionCall, InstantFunction } from "./function-call.js";
import { compareNatural } from "./natural-order.js";

export const sort: InstantFunction = (call) => sorted(call, (a, b) => compareValues(a, b, 1));
export const sortDesc: InstantFunction = (call) => sorted(call, (a, b) => compareValues(a, b, -1));
export const sortByLabel: InstantFunction = (call) => sorted(call, labelOrder(call));
export const sortByLabelDesc: InstantFunction = (call) => {
  const order = labelOrder(call);
  return sorted(call, (a, b) => order(b, a));
};

type Order = (a: VectorSeries, b: VectorSeries) => number;

function* sorted({ node, arguments: [operand], context }: FunctionCall, order: Order): Slices<Value> {
  const series = vectorSeries(operand!);
  if (node.grid.count === 1) return vector(yield* sortInSlices(series, order, context.budget));
  context.annotations.sortInRangeQuery(node.span);
  return vector(series);
}

/** By the value of the only step; NaN comes last in either direction. */
function compareValues(a: VectorSeries, b: VectorSeries, direction: 1 | -1): number {
  const x = a.column.present[0] === FLOAT ? a.column.values[0]! : Number.NaN;
  const y = b.column.present[0] === FLOAT ? b.column.values[0]! : Number.NaN;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x === y ? 0 : x < y ? -direction : direction;
}

function labelOrder(call: FunctionCall): Order {
  const names = call.arguments.slice(1).map(stringValue);
  return (a, b) => {
    for (const name of names) {
      const x = a.labels.get(name);
      const y = b.labels.get(name);
      if (x !== y) return compareNatural(x, y) || compareText(x, y);
    }
    return a.labels.compare(b.labels);
  };
}
