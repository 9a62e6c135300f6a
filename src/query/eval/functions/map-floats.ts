/**
 * Functions that turn each float of a vector into another one and so lose the metric name.
 */

import { dropName, type EvalContext } from "../context.js";
import { mergeSeries } from "../merge-series.js";
import { vectorSeries } from "../operands.js";
import { FLOAT, type Value, type VectorSeries, vector } from "../value.js";
import type { InstantFunction } from "./function-call.js";

/** Applies `change` to every float of the first argument. */
export function mapFloats(change: (value: number) => number): InstantFunction {
  return ({ arguments: [operand], context }) => {
    const series = vectorSeries(operand!).map((each) => mapSeries(each, change, context));
    return renamed(series, context);
  };
}

/** As `mapFloats`, with a function that knows the step. Changes the column in place. */
export function mapSeries(
  { labels, column }: VectorSeries,
  change: (value: number, step: number) => number,
  context: EvalContext,
): VectorSeries {
  const { values, present } = column;
  for (let step = 0; step < values.length; step++) {
    if (present[step] === FLOAT) values[step] = change(values[step]!, step);
  }
  context.budget.tick(values.length);
  return { ...dropName(labels, context), column };
}

/** A vector of series that were renamed: those that became equal are merged, unless their names go later. */
export function renamed(series: readonly VectorSeries[], context: EvalContext): Value {
  return vector(context.features.delayedNameRemoval ? series : mergeSeries(series));
}
