/**
 * Functions that turn each float of a vector into another one and so lose the metric name.
 */

import type { EvalContext } from "../context.js";
import { dropNames } from "../drop-names.js";
import { vectorSeries } from "../operands.js";
import type { Slices } from "../slices.js";
import { FLOAT, type Value, type VectorSeries, vector } from "../value.js";
import type { InstantFunction } from "./function-call.js";

/** Applies `change` to every float of the first argument. */
export function mapFloats(change: (value: number) => number): InstantFunction {
  return ({ arguments: [operand], context }) => mapSeries(vectorSeries(operand!), change, context);
}

/** As `mapFloats`, with a function that knows the step. Changes the columns in place. */
export function* mapSeries(
  series: readonly VectorSeries[],
  change: (value: number, step: number) => number,
  context: EvalContext,
): Slices<Value> {
  for (const { column } of series) {
    const { values, present } = column;
    for (let step = 0; step < values.length; step++) {
      if (present[step] === FLOAT) values[step] = change(values[step]!, step);
    }
    if (context.budget.tick(values.length)) yield;
  }
  return vector(yield* dropNames(series, context));
}
