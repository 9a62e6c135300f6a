/**
 * Range vectors as results of instant queries: `metric[5m]`, `rate(metric[1m])[1h:5m]`.
 */

import type { Series } from "../../../model/series.js";
import { windowRange } from "../../plan/grid.js";
import type { MatrixNode, SelectorSource } from "../../plan/plan.js";
import { selectorRange } from "../../plan/selector-range.js";
import type { EvalContext } from "../context.js";
import { finalNames } from "../drop-names.js";
import { vectorSeries } from "../operands.js";
import { GridPoints } from "../points.js";
import type { Slices } from "../slices.js";
import { type MatrixSeries, SAMPLE_BYTES, type Value } from "../value.js";
import { extendWindow } from "./extended-window.js";
import { countSamples, loadSamples } from "./load-samples.js";

export function* evaluateMatrix(node: MatrixNode, context: EvalContext): Slices<Value> {
  const { source, rangeMs } = node.window;
  const series: MatrixSeries[] = [];
  const add = (each: MatrixSeries): boolean => {
    if (each.times.length > 0) series.push(each);
    return context.budget.tick(each.times.length);
  };
  if (source.kind === "selector") {
    for (const stored of context.loaded[source.selector.select]!)
      if (add(readSeries(stored, source.selector, rangeMs, context))) yield;
  } else {
    const points = new GridPoints(source.expression.grid, context.budget);
    const evaluated = vectorSeries(yield* context.evaluate(source.expression));
    for (const { labels, column } of yield* finalNames(evaluated, context.budget))
      if (add({ labels, ...points.of(column) })) yield;
  }
  return { kind: "matrix", series };
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
