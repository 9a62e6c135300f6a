/**
 * Arithmetic functions. Where Go and JavaScript differ on NaN and infinities, Go's answer counts.
 */

import { scalarValues, vectorSeries } from "../operands.js";
import type { Slices } from "../slices.js";
import { ABSENT, hasValue, type Value, type VectorSeries } from "../value.js";
import type { FunctionCall, InstantFunction } from "./function-call.js";
import { largerOf, smallerOf } from "./larger-smaller.js";
import { mapFloats, mapSeries } from "./map-floats.js";

export const abs = mapFloats(Math.abs);
export const ceil = mapFloats(Math.ceil);
export const floor = mapFloats(Math.floor);
export const exp = mapFloats(Math.exp);
export const sqrt = mapFloats(Math.sqrt);
export const ln = mapFloats(Math.log);
export const log2 = mapFloats(Math.log2);
export const log10 = mapFloats(Math.log10);
export const sin = mapFloats(Math.sin);
export const cos = mapFloats(Math.cos);
export const tan = mapFloats(Math.tan);
export const asin = mapFloats(Math.asin);
export const acos = mapFloats(Math.acos);
export const atan = mapFloats(Math.atan);
export const sinh = mapFloats(Math.sinh);
export const cosh = mapFloats(Math.cosh);
export const tanh = mapFloats(Math.tanh);
export const asinh = mapFloats(Math.asinh);
export const acosh = mapFloats(Math.acosh);
export const atanh = mapFloats(Math.atanh);
export const rad = mapFloats((degrees) => (degrees * Math.PI) / 180);
export const deg = mapFloats((radians) => (radians * 180) / Math.PI);
export const sgn = mapFloats((value) => (value < 0 ? -1 : value > 0 ? 1 : value));

/** To the nearest multiple, halves up. The inverse loses less than a division by the multiple. */
export const round: InstantFunction = ({ arguments: [operand, nearest], context }) => {
  const multiples = nearest === undefined ? undefined : scalarValues(nearest);
  const roundAt = (value: number, step: number): number => {
    const inverse = 1 / (multiples?.[step] ?? 1);
    return Math.floor(value * inverse + 0.5) / inverse;
  };
  return mapSeries(vectorSeries(operand!), roundAt, context);
};

export const clamp: InstantFunction = (call) =>
  clampBetween(call, scalarValues(call.arguments[1]!), scalarValues(call.arguments[2]!));

export const clampMin: InstantFunction = (call) => {
  const lower = scalarValues(call.arguments[1]!);
  const upper = call.context.budget.values(lower.length).fill(Number.POSITIVE_INFINITY);
  return clampBetween(call, lower, upper);
};

export const clampMax: InstantFunction = (call) => {
  const upper = scalarValues(call.arguments[1]!);
  const lower = call.context.budget.values(upper.length).fill(Number.NEGATIVE_INFINITY);
  return clampBetween(call, lower, upper);
};

/** Nothing at steps where the bounds cross. */
function* clampBetween(
  { arguments: [operand], context }: FunctionCall,
  lower: Float64Array,
  upper: Float64Array,
): Slices<Value> {
  const kept: VectorSeries[] = [];
  for (const each of vectorSeries(operand!)) {
    const { present } = each.column;
    for (let step = 0; step < present.length; step++) if (upper[step]! < lower[step]!) present[step] = ABSENT;
    if (hasValue(each.column)) kept.push(each);
    if (context.budget.tick(present.length)) yield;
  }
  const change = (value: number, step: number) => largerOf(lower[step]!, smallerOf(upper[step]!, value));
  return yield* mapSeries(kept, change, context);
}
