/**
 * A leaf's work on one series: compressed chunks in, a column of steps out. Plain data only, no labels and no
 * closures, so that a worker can do it as well.
 */

import type { ColumnKernel, RollupFunction, StepGrid } from "../../../kernels/column-kernel.js";
import type { TimeRange } from "../../../model/sample.js";
import type { EncodedChunk } from "../../../model/series.js";
import type { QueryBudget } from "../budget.js";
import type { Slices } from "../slices.js";
import type { Column } from "../value.js";
import { type ExtendedFunction, rollupExtended, smoothInstant } from "./extended-window.js";
import { lastTimeBefore } from "./last-time.js";
import { loadSamples } from "./load-samples.js";
import { runByParts, stepsAtOnce } from "./step-runs.js";

export type LeafOperation =
  /** Value, or time in seconds, of the latest sample within the lookback. */
  | { readonly kind: "last"; readonly grid: StepGrid; readonly lookbackMs: number }
  | { readonly kind: "last-time"; readonly grid: StepGrid; readonly lookbackMs: number }
  | { readonly kind: "smoothed"; readonly grid: StepGrid; readonly lookbackMs: number }
  | RollupOperation
  | ExtendedOperation;

export interface RollupOperation {
  readonly kind: "rollup";
  readonly function: RollupFunction;
  readonly rangeMs: number;
  /** Where windows end, and the steps themselves. */
  readonly grid: StepGrid;
  readonly evaluationGrid: StepGrid;
  /** At most two; each with one value per step, or with one for all steps. */
  readonly parameters: readonly Float64Array[];
}

export interface ExtendedOperation {
  readonly kind: "extended-rollup";
  readonly function: ExtendedFunction;
  readonly extension: "anchored" | "smoothed";
  readonly rangeMs: number;
  readonly lookbackMs: number;
  readonly grid: StepGrid;
}

/** What a leaf is run with. Between slices the kernel must be left alone. */
export interface LeafTools {
  readonly kernel: ColumnKernel;
  readonly budget: QueryBudget;
}

/** Steps with a value are counted and returned: at once, or in slices when there is much to do. */
export function runLeafTask(
  operation: LeafOperation,
  series: { readonly chunks: readonly EncodedChunk[]; readonly range: TimeRange },
  tools: LeafTools,
  into: Column,
): number | Slices<number> {
  const dropStale = operation.kind !== "last" && operation.kind !== "last-time";
  loadSamples(tools.kernel, series.chunks, { range: series.range, dropStale });
  return tools.kernel.length === 0 ? clear(into) : runOperation(operation, tools, into);
}

/** On samples that the kernel already holds. */
export function runOperation(
  operation: LeafOperation,
  { kernel, budget }: LeafTools,
  into: Column,
): number | Slices<number> {
  const steps = stepsAtOnce(kernel.length);
  if (operation.grid.count <= steps) return runPart(operation, kernel, into);
  const run = (part: LeafOperation, column: Column) => runPart(part, kernel, column);
  return runByParts(operation, into, { steps, budget, run });
}

function runPart(operation: LeafOperation, kernel: ColumnKernel, into: Column): number {
  const { grid } = operation;
  switch (operation.kind) {
    case "last":
      return kernel.lastBefore(grid, operation.lookbackMs, into.values, into.present);
    case "last-time":
      return lastTimeBefore(kernel, operation, into);
    case "smoothed":
      return smoothInstant(kernel, operation, into);
    case "rollup":
      return runRollup(operation, kernel, into);
    case "extended-rollup":
      return rollupExtended(kernel, operation, into);
  }
}

function runRollup(operation: RollupOperation, kernel: ColumnKernel, into: Column): number {
  const { grid, evaluationGrid, rangeMs, parameters } = operation;
  const [first, second] = parameters;
  const name = operation.function;
  if ((first?.length ?? 1) === 1 && (second?.length ?? 1) === 1) {
    const options = { secondParameter: second?.[0] ?? 0, evaluationGrid };
    return kernel.rollup(name, grid, rangeMs, first?.[0] ?? 0, into.values, into.present, options);
  }
  let count = 0;
  for (let step = 0; step < grid.count; step++) {
    const options = {
      secondParameter: parameterAt(second, step),
      evaluationGrid: stepOf(evaluationGrid, step),
    };
    const values = into.values.subarray(step, step + 1);
    const present = into.present.subarray(step, step + 1);
    count += kernel.rollup(
      name,
      stepOf(grid, step),
      rangeMs,
      parameterAt(first, step),
      values,
      present,
      options,
    );
  }
  return count;
}

function parameterAt(parameter: Float64Array | undefined, step: number): number {
  return parameter === undefined ? 0 : parameter[parameter.length === 1 ? 0 : step]!;
}

function stepOf(grid: StepGrid, step: number): StepGrid {
  return { start: grid.start + step * grid.stepMs, stepMs: 1, count: 1 };
}

function clear(into: Column): number {
  into.present.fill(0);
  return 0;
}
