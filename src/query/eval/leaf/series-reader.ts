/**
 * SeriesReader: the series of a leaf, one at a time: labels first, then a column for whoever wants it.
 *
 * An aggregation reads every series into one and the same column and keeps only its groups; other nodes collect.
 */

import type { StepGrid } from "../../../kernels/column-kernel.js";
import type { Labels } from "../../../model/labels.js";
import type { RollupNode, SelectorNode, SelectorSource, WindowSource } from "../../plan/plan.js";
import { selectorRange } from "../../plan/selector-range.js";
import { LABEL_WORK } from "../budget.js";
import type { EvalContext } from "../context.js";
import { droppedName, metadataDiffers } from "../drop-names.js";
import {
  annotateRollup,
  checkFactors,
  hasWrongFactor,
  type RangeFunction,
  rangeFunction,
} from "../functions/range-functions.js";
import { sameLabelset } from "../merge-series.js";
import { scalarValues, vectorSeries } from "../operands.js";
import { GridPoints } from "../points.js";
import type { Slices } from "../slices.js";
import { type Column, type VectorSeries, type VectorValue, vector } from "../value.js";
import type { ExtendedFunction } from "./extended-window.js";
import { type LeafOperation, runLeafTask, runOperation } from "./leaf-task.js";
import { countSamples } from "./load-samples.js";

export interface SeriesReader {
  /** Of the result, in the order of the series. */
  readonly labels: readonly Labels[];
  readonly dropName: boolean;
  /** Two of the results could bear the same labels. */
  readonly mayCollide: boolean;
  /** Fills the column of one series; returns how many steps have a value, in slices when that takes long. */
  read(index: number, into: Column): number | Slices<number>;
}

/** What a leaf's windows or instants are cut from: stored series, or those of a subquery. */
interface SampleSource {
  readonly labels: readonly Labels[];
  run(index: number, operation: LeafOperation, into: Column): number | Slices<number>;
}

export function* selectorReader(node: SelectorNode, context: EvalContext): Slices<SeriesReader> {
  const { source, output } = node;
  const { data: grid, lookbackMs } = source;
  const samples = storedSource(source, context);
  const kind = output === "sample-time" ? "last-time" : source.extension === "smoothed" ? "smoothed" : "last";
  const read = (index: number, into: Column) => samples.run(index, { kind, grid, lookbackMs }, into);
  return { ...(yield* resultLabels(samples.labels, output === "value", context)), read };
}

export function* rollupReader(node: RollupNode, context: EvalContext): Slices<SeriesReader> {
  const { rollup, keepsName } = rangeFunction(node.function);
  const parameters: Float64Array[] = [];
  for (const parameter of node.parameters) parameters.push(scalarValues(yield* context.evaluate(parameter)));
  const samples = yield* windowSource(node.window.source, node.window.rangeMs, context);
  const operation = rollupOperation(node, { rollup, parameters: parameters.map(shorten) });
  const annotate = (index: number, column: Column, count: number): number => {
    if (count > 0) annotateRollup(node, { labels: samples.labels[index]!, parameters, column }, context);
    return count;
  };
  const finish = function* (index: number, column: Column, reading: Slices<number>): Slices<number> {
    return annotate(index, column, yield* reading);
  };
  const factorsMayFail = hasWrongFactor(node.function, parameters);
  const run = (index: number, into: Column) => samples.run(index, operation, into);
  const runChecked = function* (index: number, into: Column): Slices<number> {
    const presence = rollupOperation(node, { rollup: "present_over_time", parameters: [] });
    yield* completed(samples.run(index, presence, into));
    checkFactors(parameters, into);
    return yield* completed(run(index, into));
  };
  return {
    ...(yield* resultLabels(samples.labels, keepsName, context)),
    read(index, into) {
      const reading = factorsMayFail ? runChecked(index, into) : run(index, into);
      return typeof reading === "number" ? annotate(index, into, reading) : finish(index, into, reading);
    },
  };
}

function* completed(reading: number | Slices<number>): Slices<number> {
  return typeof reading === "number" ? reading : yield* reading;
}

function* resultLabels(
  labels: readonly Labels[],
  keepsName: boolean,
  context: EvalContext,
): Slices<Pick<SeriesReader, "labels" | "dropName" | "mayCollide">> {
  if (keepsName) return { labels, dropName: false, mayCollide: false };
  const renamed: Labels[] = [];
  for (const each of labels) {
    renamed.push(droppedName(each, context));
    if (context.budget.tick(LABEL_WORK)) yield;
  }
  return {
    labels: renamed,
    dropName: true,
    mayCollide: !context.features.delayedNameRemoval && metadataDiffers(labels),
  };
}

/** All series of a reader that have a value. Equal labels are an error, even at different steps. */
export function* collect(
  selected: Slices<SeriesReader>,
  grid: StepGrid,
  context: EvalContext,
): Slices<VectorValue> {
  const reader = yield* selected;
  const series: VectorSeries[] = [];
  const check = labelsetCheck(reader);
  let column: Column | undefined;
  for (let index = 0; index < reader.labels.length; index++) {
    column ??= context.budget.column(grid.count);
    const reading = reader.read(index, column);
    const count = typeof reading === "number" ? reading : yield* reading;
    if (context.budget.tick(grid.count)) yield;
    if (count === 0) continue;
    check(index);
    context.budget.addSamples(count);
    series.push({ labels: reader.labels[index]!, dropName: reader.dropName, column });
    column = undefined;
  }
  return vector(series);
}

/** A check to be called with each series that has a value. */
export function labelsetCheck(reader: SeriesReader): (index: number) => void {
  if (!reader.mayCollide) return () => {};
  const seen = new Set<string>();
  return (index) => {
    const key = reader.labels[index]!.key();
    if (seen.has(key)) throw sameLabelset();
    seen.add(key);
  };
}

function storedSource(source: SelectorSource, context: EvalContext, rangeMs?: number): SampleSource {
  const { select, data, lookbackMs, extension } = source;
  if (select < 0) return { labels: [], run: () => 0 };
  const series = context.loaded[select]!;
  const range = selectorRange(data, { lookbackMs, extension, rangeMs });
  return {
    labels: series.map(({ labels }) => labels),
    run(index, operation, into) {
      const { chunks } = series[index]!;
      context.budget.checkSamples(countSamples(chunks, range));
      return runLeafTask(operation, { chunks, range }, context, into);
    },
  };
}

function* windowSource(source: WindowSource, rangeMs: number, context: EvalContext): Slices<SampleSource> {
  if (source.kind === "selector") return storedSource(source.selector, context, rangeMs);
  const columns = vectorSeries(yield* context.evaluate(source.expression));
  const points = new GridPoints(source.expression.grid, context.budget);
  return {
    labels: columns.map(({ labels }) => labels),
    run(index, operation, into) {
      const samples = points.of(columns[index]!.column);
      context.budget.checkSamples(samples.length);
      context.kernel.clear();
      context.kernel.append(samples);
      return runOperation(operation, context, into);
    },
  };
}

/** A parameter that is the same at every step, as one value. */
function shorten(parameter: Float64Array): Float64Array {
  return parameter.every((value) => Object.is(value, parameter[0])) ? parameter.subarray(0, 1) : parameter;
}

function rollupOperation(
  node: RollupNode,
  call: { readonly rollup: RangeFunction["rollup"]; readonly parameters: readonly Float64Array[] },
): LeafOperation {
  const { source, rangeMs } = node.window;
  if (source.kind === "selector" && source.selector.extension !== null) {
    const { extension, lookbackMs, data } = source.selector;
    const name = node.function as ExtendedFunction;
    return { kind: "extended-rollup", function: name, extension, rangeMs, lookbackMs, grid: data };
  }
  const grid = source.kind === "selector" ? source.selector.data : source.data;
  const { rollup, parameters } = call;
  return { kind: "rollup", function: rollup, rangeMs, grid, evaluationGrid: node.grid, parameters };
}
