/**
 * `histogram_quantile`, `histogram_quantiles` and `histogram_fraction` of classic histograms.
 *
 * The functions that read native histograms only (`histogram_count`, ...) have nothing to say about floats.
 */

import { formatFloat } from "../../../model/float-text.js";
import { METRIC_NAME } from "../../../model/labels.js";
import type { Span } from "../../parser/ast.js";
import { gridTime } from "../../plan/grid.js";
import type { EvalContext } from "../context.js";
import { dropNames } from "../drop-names.js";
import { mergeSeries } from "../merge-series.js";
import { scalarValues, stringValue, vectorSeries } from "../operands.js";
import type { Slices } from "../slices.js";
import { EMPTY_VECTOR, FLOAT, hasValue, type VectorSeries, vector } from "../value.js";
import {
  type Buckets,
  bucketFraction,
  bucketQuantile,
  bucketRoom,
  type ClassicHistogram,
  groupBuckets,
  type Monotonicity,
  takeBuckets,
} from "./classic-histogram.js";
import type { FunctionCall, InstantFunction } from "./function-call.js";

/** What reading one bucket at one step costs, in samples. */
const bucketWork = 4;

export const nativeHistogramsOnly: InstantFunction = () => EMPTY_VECTOR;

export const histogramQuantile: InstantFunction = function* (call) {
  const [quantile, operand] = call.arguments;
  const [quantileNode, operandNode] = call.node.arguments;
  const quantiles = scalarValues(quantile!);
  warnOfQuantiles(quantiles, quantileNode!.span, call.context);
  const { span } = operandNode!;
  const series: VectorSeries[] = [];
  for (const histogram of yield* groupBuckets(vectorSeries(operand!), span, call.context)) {
    series.push(yield* quantileSeries(histogram, quantiles, span, call));
  }
  return vector(yield* dropNames(series.filter(isPresent), call.context));
};

export const histogramQuantiles: InstantFunction = function* (call) {
  const [operand, label, ...quantiles] = call.arguments;
  const name = stringValue(label!);
  const columns = quantiles.map(scalarValues);
  columns.forEach((values, i) => {
    warnOfQuantiles(values, call.node.arguments[i + 2]!.span, call.context);
  });
  const { span } = call.node.arguments[0]!;
  const histograms = yield* groupBuckets(vectorSeries(operand!), span, call.context);
  const series: VectorSeries[] = [];
  for (const values of columns) {
    for (const histogram of histograms) {
      const all = yield* quantileSeries(histogram, values, span, call);
      for (const each of splitByQuantile(all, values, name, call.context)) series.push(each);
    }
  }
  // Two quantiles that are the same give two series with the same labels.
  const merged = yield* mergeSeries(series.filter(isPresent), call.context.budget);
  return vector(yield* dropNames(merged, call.context));
};

export const histogramFraction: InstantFunction = function* (call) {
  const [lower, upper, operand] = call.arguments;
  const lowers = scalarValues(lower!);
  const uppers = scalarValues(upper!);
  const { span } = call.node.arguments[2]!;
  const fraction = (buckets: Buckets, step: number): number =>
    bucketFraction({ lower: lowers[step]!, upper: uppers[step]! }, buckets);
  const series: VectorSeries[] = [];
  for (const histogram of yield* groupBuckets(vectorSeries(operand!), span, call.context)) {
    series.push(yield* readSteps(histogram, call, fraction));
  }
  return vector(yield* dropNames(series.filter(isPresent), call.context));
};

function isPresent({ column }: VectorSeries): boolean {
  return hasValue(column);
}

function quantileSeries(
  histogram: ClassicHistogram,
  quantiles: Float64Array,
  span: Span,
  call: FunctionCall,
): Slices<VectorSeries> {
  const { context, node } = call;
  const name = context.features.delayedNameRemoval ? histogram.labels.get(METRIC_NAME) : "";
  const seen: Monotonicity = { forced: false, minBucket: 0, maxBucket: 0, maxDifference: 0 };
  return readSteps(histogram, call, (buckets, step) => {
    const value = bucketQuantile(quantiles[step]!, buckets, seen);
    if (seen.forced) {
      context.annotations.forcedMonotonicity({ ...seen, time: gridTime(node.grid, step) }, name, span);
    }
    return value;
  });
}

function* readSteps(
  histogram: ClassicHistogram,
  { node, context }: FunctionCall,
  read: (buckets: Buckets, step: number) => number,
): Slices<VectorSeries> {
  const column = context.budget.column(node.grid.count);
  const buckets = bucketRoom(histogram);
  for (let step = 0; step < node.grid.count; step++) {
    const taken = takeBuckets(histogram, step, buckets);
    if (context.budget.tick(taken * bucketWork)) yield;
    if (taken === 0) continue;
    column.values[step] = read(buckets, step);
    column.present[step] = FLOAT;
  }
  return { labels: histogram.labels, dropName: true, column };
}

/** One series per value that the quantile has: a scalar argument may change from step to step. */
function splitByQuantile(
  series: VectorSeries,
  quantiles: Float64Array,
  label: string,
  context: EvalContext,
): readonly VectorSeries[] {
  const split = new Map<number, VectorSeries>();
  quantiles.forEach((quantile, step) => {
    let part = split.get(quantile);
    if (part === undefined) {
      const text = formatQuantile(quantile);
      context.budget.reserveLabels(text.length);
      const labels = series.labels.with({ [label]: text });
      part = { labels, dropName: series.dropName, column: context.budget.column(quantiles.length) };
      split.set(quantile, part);
    }
    part.column.values[step] = series.column.values[step]!;
    part.column.present[step] = series.column.present[step]!;
  });
  return [...split.values()];
}

/** As OpenMetrics writes floats: integers with a `.0`. */
function formatQuantile(quantile: number): string {
  const text = formatFloat(quantile);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function warnOfQuantiles(quantiles: Float64Array, span: Span, context: EvalContext): void {
  let last: number | undefined;
  for (const quantile of quantiles) {
    if (quantile >= 0 && quantile <= 1) continue;
    if (!Object.is(quantile, last)) context.annotations.invalidQuantile(quantile, span);
    last = quantile;
  }
}
