/**
 * Every function of the language and what evaluates it. A signature without an entry here does not compile.
 *
 * Functions of range vectors are roll-ups and evaluated with their windows; `info` has a plan node of its own.
 */

import { assert } from "../../../model/assert.js";
import { NotImplementedError } from "../../../model/errors.js";
import type { FunctionName } from "../../parser/signatures.js";
import type { CallNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import type { Slices } from "../slices.js";
import type { Value } from "../value.js";
import { absent } from "./absent.js";
import type { InstantFunction } from "./function-call.js";
import * as histogram from "./histogram.js";
import { labelJoin, labelReplace } from "./label.js";
import * as math from "./math.js";
import { type RangeFunction, rangeFunctions } from "./range-functions.js";
import * as scalar from "./scalar.js";
import { sort, sortByLabel, sortByLabelDesc, sortDesc } from "./sort.js";
import * as time from "./time.js";

/** Planned as a node of its own. */
type PlannedApart = "planned apart";

export const functions = {
  ...rangeFunctions,
  abs: math.abs,
  absent,
  acos: math.acos,
  acosh: math.acosh,
  asin: math.asin,
  asinh: math.asinh,
  atan: math.atan,
  atanh: math.atanh,
  ceil: math.ceil,
  clamp: math.clamp,
  clamp_max: math.clampMax,
  clamp_min: math.clampMin,
  cos: math.cos,
  cosh: math.cosh,
  day_of_month: time.dayOfMonth,
  day_of_week: time.dayOfWeek,
  day_of_year: time.dayOfYear,
  days_in_month: time.daysInMonth,
  deg: math.deg,
  end: scalar.end,
  exp: math.exp,
  floor: math.floor,
  histogram_avg: histogram.nativeHistogramsOnly,
  histogram_count: histogram.nativeHistogramsOnly,
  histogram_fraction: histogram.histogramFraction,
  histogram_quantile: histogram.histogramQuantile,
  histogram_quantiles: histogram.histogramQuantiles,
  histogram_stddev: histogram.nativeHistogramsOnly,
  histogram_stdvar: histogram.nativeHistogramsOnly,
  histogram_sum: histogram.nativeHistogramsOnly,
  hour: time.hour,
  info: "planned apart",
  label_join: labelJoin,
  label_replace: labelReplace,
  ln: math.ln,
  log10: math.log10,
  log2: math.log2,
  max_of: scalar.maxOf,
  min_of: scalar.minOf,
  minute: time.minute,
  month: time.month,
  pi: scalar.pi,
  rad: math.rad,
  range: scalar.range,
  round: math.round,
  scalar: scalar.toScalar,
  sgn: math.sgn,
  sin: math.sin,
  sinh: math.sinh,
  sort,
  sort_by_label: sortByLabel,
  sort_by_label_desc: sortByLabelDesc,
  sort_desc: sortDesc,
  sqrt: math.sqrt,
  start: scalar.start,
  start_timestamp: () => {
    throw new NotImplementedError("start_timestamp");
  },
  step: scalar.step,
  tan: math.tan,
  tanh: math.tanh,
  time: scalar.time,
  timestamp: time.timestamp,
  vector: scalar.toVector,
  year: time.year,
} satisfies Record<FunctionName, RangeFunction | InstantFunction | PlannedApart>;

export function* evaluateCall(node: CallNode, context: EvalContext): Slices<Value> {
  const evaluate = functions[node.function];
  assert(typeof evaluate === "function", "other functions have plan nodes of their own");
  const values: Value[] = [];
  for (const argument of node.arguments) values.push(yield* context.evaluate(argument));
  const value = evaluate({ node, arguments: values, context });
  return "kind" in value ? value : yield* value;
}
