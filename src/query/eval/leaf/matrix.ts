/**
 * Range vectors as results of instant queries: `metric[5m]`, `rate(metric[1m])[1h:5m]`.
 */

import type { Series } from "../../../model/series.js";
import { windowRange } from "../../plan/grid.js";
import type { MatrixNode, PlanNode, SelectorSource } from "../../plan/plan.js";
import { selectorRange } from "../../plan/selector-range.js";
import type { EvalContext } from "../context.js";
import { vectorSeries } from "../operands.js";
import { GridPoints } from "../points.js";
import { type MatrixSeries, SAMPLE_BYTES, type Value } from "../value.js";
import { extendWindow } from "./extended-window.js";
import { countSamples, loadSamples } from "./load-samples.js";

export function evaluateMatrix(node: MatrixNode, context: EvalContext): Value {
  const { source, rangeMs } = node.window;
  const series =
    source.kind === "selector"
      ? storedSeries(source.selector, rangeMs, context)
      : subquerySeries(source.expression, context);
  return { kind: "matrix", series: series.filter(({ times }) => times.length > 0) };
}

function subquerySeries(expression: PlanNode, context: EvalContext): readonly MatrixSeries[] {
  const points = new GridPoints(expression.grid);
  return vectorSeries(context.evaluate(expression)).map(({ labels, column }) => ({
    labels,
    ...points.of(column),
  }));
}

function storedSeries(
  source: SelectorSource,
  rangeMs: number,
  context: EvalContext,
): readonly MatrixSeries[] {
  return context.loaded[source.select]!.map((series) => readSeries(series, source, rangeMs, context));
}

function readSeries(
  { labels, chunks }: Series,
  source: SelectorSource,
  rangeMs: number,
  { kernel, budget }: EvalContext,
): MatrixSeries {
  const { data, extension, lookbackMs } = source;
  const range = selectorRange(data, { lookbackMs, extension, rangeMs });
  budget.checkSamples(countSamples(chunks, range));
  loadSamples(kernel, chunks, { range, dropStale: true });
  budget.addSamples(kernel.length);
  budget.reserveBytes(kernel.length * SAMPLE_BYTES);
  const samples = { times: kernel.times().slice(), values: kernel.values().slice(), length: kernel.length };
  if (extension === null) return { labels, ...samples };
  const { minTime, maxTime } = windowRange(data, rangeMs);
  const { times, values } = extendWindow(
    samples,
    { start: minTime - 1, stop: maxTime },
    extension === "smoothed",
  );
  return { labels, times, values };
}
