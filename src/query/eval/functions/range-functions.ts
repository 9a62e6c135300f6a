/**
 * Functions of range vectors: which roll-up each one is, what becomes of the name, and what they warn of.
 */

import type { RollupFunction } from "../../../kernels/column-kernel.js";
import { assert } from "../../../model/assert.js";
import { QueryError } from "../../../model/errors.js";
import { type Labels, METRIC_NAME } from "../../../model/labels.js";
import type { RollupNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import { type Column, FLOAT } from "../value.js";

export interface RangeFunction {
  readonly kind: "range";
  readonly rollup: RollupFunction;
  /** The value is one of the samples, so it is still the same metric. */
  readonly keepsName: boolean;
}

function rollup(name: RollupFunction): RangeFunction {
  return { kind: "range", rollup: name, keepsName: false };
}

function pick(name: RollupFunction): RangeFunction {
  return { kind: "range", rollup: name, keepsName: true };
}

export const rangeFunctions = {
  // Where no series has a sample; evaluate.ts turns presence around.
  absent_over_time: rollup("present_over_time"),
  avg_over_time: rollup("avg_over_time"),
  changes: rollup("changes"),
  count_over_time: rollup("count_over_time"),
  delta: rollup("delta"),
  deriv: rollup("deriv"),
  double_exponential_smoothing: rollup("double_exponential_smoothing"),
  first_over_time: pick("first_over_time"),
  idelta: rollup("idelta"),
  increase: rollup("increase"),
  irate: rollup("irate"),
  last_over_time: pick("last_over_time"),
  mad_over_time: rollup("mad_over_time"),
  max_over_time: rollup("max_over_time"),
  min_over_time: rollup("min_over_time"),
  predict_linear: rollup("predict_linear"),
  present_over_time: rollup("present_over_time"),
  quantile_over_time: rollup("quantile_over_time"),
  rate: rollup("rate"),
  resets: rollup("resets"),
  stddev_over_time: rollup("stddev_over_time"),
  stdvar_over_time: rollup("stdvar_over_time"),
  sum_over_time: rollup("sum_over_time"),
  ts_of_first_over_time: rollup("ts_of_first_over_time"),
  ts_of_last_over_time: rollup("ts_of_last_over_time"),
  ts_of_max_over_time: rollup("ts_of_max_over_time"),
  ts_of_min_over_time: rollup("ts_of_min_over_time"),
} satisfies Record<string, RangeFunction>;

export function rangeFunction(name: string): RangeFunction {
  assert(Object.hasOwn(rangeFunctions, name), `${name} is a function of range vectors`);
  return rangeFunctions[name as keyof typeof rangeFunctions];
}

/** Whether a parameter makes the function impossible at some step: an error if there is a window at that step. */
export function hasWrongFactor(name: string, parameters: readonly Float64Array[]): boolean {
  return name === "double_exponential_smoothing" && parameters.some((factors) => factors.some(isWrongFactor));
}

/** For the steps at which a series has a window. */
export function checkFactors(
  [smoothing, trend]: readonly Float64Array[],
  { present }: Pick<Column, "present">,
): void {
  for (let step = 0; step < present.length; step++) {
    if (present[step] !== FLOAT) continue;
    checkFactor("smoothing factor. Expected: 0 < sf < 1", smoothing![step]!);
    checkFactor("trend factor. Expected: 0 < tf < 1", trend![step]!);
  }
}

function checkFactor(what: string, factor: number): void {
  if (isWrongFactor(factor)) throw new QueryError(`invalid ${what}, got: ${factor.toFixed(6)}`);
}

function isWrongFactor(factor: number): boolean {
  return factor <= 0 || factor >= 1;
}

/** What there is to say about a series that has a result. */
export function annotateRollup(
  node: RollupNode,
  result: { readonly labels: Labels; readonly parameters: readonly Float64Array[]; readonly column: Column },
  context: EvalContext,
): void {
  switch (node.function) {
    case "rate":
    case "increase":
      annotateCounter(node, result.labels, context);
      break;
    case "quantile_over_time": {
      let last: number | undefined;
      result.parameters[0]!.forEach((quantile, step) => {
        if (result.column.present[step] !== FLOAT || (quantile >= 0 && quantile <= 1)) return;
        if (!Object.is(quantile, last))
          context.annotations.invalidQuantile(quantile, node.parameters[0]!.span);
        last = quantile;
      });
      break;
    }
  }
}

const counterSuffixes = ["_total", "_sum", "_count", "_bucket"];

function annotateCounter(node: RollupNode, labels: Labels, context: EvalContext): void {
  const name = labels.get(METRIC_NAME);
  if (name === "") return;
  if (context.features.typeAndUnitLabels) {
    const type = labels.get("__type__");
    if (type === "counter" || type === "histogram") return;
    context.annotations.possibleNonCounterType(name, type, node.window.span);
  } else if (!counterSuffixes.some((suffix) => name.endsWith(suffix))) {
    context.annotations.possibleNonCounter(name, node.window.span);
  }
}
