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

export const nativeHistogramsOnly: InstantFunction = () => EMPTY_VECTOR;

export const histogramQuantile: InstantFunction = (call) => {
  const [quantile, operand] = call.arguments;
  const [quantileNode, operandNode] = call.node.arguments;
  const quantiles = scalarValues(quantile!);
  warnOfQuantiles(quantiles, quantileNode!.span, call.context);
  const histograms = groupBuckets(vectorSeries(operand!), operandNode!.span, call.context);
  const series = histograms.map((histogram) => quantileSeries(histogram, quantiles, operandNode!.span, call));
  return vector(
    dropNames(
      series.filter(({ column }) => hasValue(column)),
      call.context,
    ),
  );
};

export const histogramQuantiles: InstantFunction = (call) => {
  const [operand, label, ...quantiles] = call.arguments;
  const name = stringValue(label!);
  const columns = quantiles.map(scalarValues);
  columns.forEach((values, i) => {
    warnOfQuantiles(values, call.node.arguments[i + 2]!.span, call.context);
  });
  const { span } = call.node.arguments[0]!;
  const histograms = groupBuckets(vectorSeries(operand!), span, call.context);
  const series = columns.flatMap((values) =>
    histograms.flatMap((histogram) => {
      const all = quantileSeries(histogram, values, span, call);
      return splitByQuantile(all, values, name, call.context);
    }),
  );
  // Two quantiles that are the same give two series with the same labels.
  const merged = mergeSeries(series.filter(({ column }) => hasValue(column)));
  return vector(dropNames(merged, call.context));
};

export const histogramFraction: InstantFunction = (call) => {
  const [lower, upper, operand] = call.arguments;
  const lowers = scalarValues(lower!);
  const uppers = scalarValues(upper!);
  const histograms = groupBuckets(vectorSeries(operand!), call.node.arguments[2]!.span, call.context);
  const series = histograms.map((histogram) =>
    readSteps(histogram, call, (buckets, step) => {
      return bucketFraction({ lower: lowers[step]!, upper: uppers[step]! }, buckets);
    }),
  );
  return vector(
    dropNames(
      series.filter(({ column }) => hasValue(column)),
      call.context,
    ),
  );
};

function quantileSeries(
  histogram: ClassicHistogram,
  quantiles: Float64Array,
  span: Span,
  call: FunctionCall,
): VectorSeries {
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

function readSteps(
  histogram: ClassicHistogram,
  { node, context }: FunctionCall,
  read: (buckets: Buckets, step: number) => number,
): VectorSeries {
  const column = context.budget.column(node.grid.count);
  const buckets = bucketRoom(histogram);
  for (let step = 0; step < node.grid.count; step++) {
    const taken = takeBuckets(histogram, step, buckets);
    context.budget.tick(taken);
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
  const texts = Array.from(quantiles, formatQuantile);
  return [...new Set(texts)].map((text) => {
    const labels = series.labels.with({ [label]: text });
    const column = context.budget.column(quantiles.length);
    column.values.set(series.column.values);
    texts.forEach((each, step) => {
      if (each === text) column.present[step] = series.column.present[step]!;
    });
    return { labels, dropName: series.dropName, column };
  });
}

/** As OpenMetrics writes floats: integers with a `.0`. */
function formatQuantile(quantile: number): string {
  const text = formatFloat(quantile);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function warnOfQuantiles(quantiles: Float64Array, span: Span, context: EvalContext): void {
  for (const quantile of quantiles) {
    if (!(quantile >= 0 && quantile <= 1)) context.annotations.invalidQuantile(quantile, span);
  }
}
