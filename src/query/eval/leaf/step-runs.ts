/**
 * Step runs: one series' windows in runs of steps, each well below a slice long.
 *
 * How long a window takes depends on the function and on how many samples lie in it, so the length of the runs
 * follows the clock, from a first run that is short even if every window held all samples.
 */

import type { StepGrid } from "../../../kernels/column-kernel.js";
import type { QueryBudget } from "../budget.js";
import type { Slices } from "../slices.js";
import type { Column } from "../value.js";
import type { LeafOperation } from "./leaf-task.js";

/** Samples in all windows together that are looked at in one go: a few milliseconds, tens if they are sorted. */
const samplesPerRun = 2 ** 18;
const shortMs = 1;
const longMs = 5;

/** Steps that can be done at once when each may look at `samples` samples. */
export function stepsAtOnce(samples: number): number {
  return Math.max(1, Math.floor(samplesPerRun / samples));
}

/** Calls `run` with part after part of the operation and of the column; adds up what it returns. */
export function* runByParts(
  operation: LeafOperation,
  into: Column,
  how: {
    readonly steps: number;
    readonly budget: QueryBudget;
    readonly run: (part: LeafOperation, into: Column) => number;
  },
): Slices<number> {
  const { budget, run } = how;
  let { steps } = how;
  let count = 0;
  for (let from = 0; from < operation.grid.count; ) {
    const to = Math.min(operation.grid.count, from + steps);
    const began = budget.now();
    count += run(cut(operation, from, to), cutColumn(into, from, to));
    const tookMs = budget.now() - began;
    if (tookMs < shortMs) steps *= 4;
    else if (tookMs > longMs) steps = Math.ceil(steps / 2);
    from = to;
    if (budget.tick(samplesPerRun)) yield;
  }
  return count;
}

function cut(operation: LeafOperation, from: number, to: number): LeafOperation {
  const grid = cutGrid(operation.grid, from, to);
  if (operation.kind !== "rollup") return { ...operation, grid };
  const evaluationGrid = cutGrid(operation.evaluationGrid, from, to);
  const parameters = operation.parameters.map((each) => (each.length === 1 ? each : each.subarray(from, to)));
  return { ...operation, grid, evaluationGrid, parameters };
}

function cutGrid(grid: StepGrid, from: number, to: number): StepGrid {
  return { start: grid.start + from * grid.stepMs, stepMs: grid.stepMs, count: to - from };
}

function cutColumn({ values, present }: Column, from: number, to: number): Column {
  return { values: values.subarray(from, to), present: present.subarray(from, to) };
}
