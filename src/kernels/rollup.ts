/**
 * lastBefore and rollup: from a column of samples to a column of steps, in TypeScript.
 *
 * Windows are left-open and right-closed. Both ends only move forward from step to step, so all windows
 * together are found in one pass over the column; the first one by bisection, as a grid may begin late.
 */

import { assert } from "../model/assert.js";
import { isStaleAt } from "../model/staleness.js";
import type { Column } from "./column.js";
import type { RollupFunction, RollupOptions, StepGrid } from "./column-kernel.js";
import { type Window, type WindowFunction, windowFunctions } from "./window-functions.js";

/** Where the results of the steps go; present[i] is 1 or 0. */
export interface StepColumn {
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

export interface RollupArguments extends RollupOptions {
  readonly grid: StepGrid;
  readonly rangeMs: number;
  readonly parameter: number;
}

/** See ColumnKernel.lastBefore. */
export function lastBefore(column: Column, grid: StepGrid, lookbackMs: number, steps: StepColumn): number {
  assertGrid(grid, steps);
  let to = indexAfter(column.times, grid.start);
  let presentCount = 0;
  for (let step = 0; step < grid.count; step++) {
    const time = grid.start + step * grid.stepMs;
    while (to < column.times.length && column.times[to]! <= time) to++;
    const isPresent =
      to > 0 && column.times[to - 1]! > time - lookbackMs && !isStaleAt(column.values, to - 1);
    steps.present[step] = isPresent ? 1 : 0;
    if (!isPresent) continue;
    steps.values[step] = column.values[to - 1]!;
    presentCount++;
  }
  return presentCount;
}

/** See ColumnKernel.rollup. */
export function rollup(
  name: RollupFunction,
  column: Column,
  { grid, rangeMs, parameter, secondParameter = 0, evaluationGrid = grid }: RollupArguments,
  steps: StepColumn,
): number {
  assertGrid(grid, steps);
  const evaluate: WindowFunction = windowFunctions[name];
  const { times, values } = column;
  const window: Window = {
    times,
    values,
    from: indexAfter(column.times, grid.start - rangeMs),
    to: indexAfter(column.times, grid.start),
    rangeStart: 0,
    rangeEnd: 0,
    rangeSeconds: rangeSeconds(rangeMs),
    evaluationTime: 0,
    parameter,
    secondParameter,
  };
  let presentCount = 0;
  for (let step = 0; step < grid.count; step++) {
    window.rangeEnd = grid.start + step * grid.stepMs;
    window.rangeStart = window.rangeEnd - rangeMs;
    window.evaluationTime = evaluationGrid.start + step * evaluationGrid.stepMs;
    while (window.to < times.length && times[window.to]! <= window.rangeEnd) window.to++;
    while (window.from < window.to && times[window.from]! <= window.rangeStart) window.from++;
    const result = window.from < window.to ? evaluate(window) : undefined;
    steps.present[step] = result === undefined ? 0 : 1;
    if (result === undefined) continue;
    steps.values[step] = result;
    presentCount++;
  }
  return presentCount;
}

/** Whole seconds and the rest are converted apart, as Go's Duration.Seconds does: the last bit can depend on it. */
export function rangeSeconds(rangeMs: number): number {
  return Math.floor(rangeMs / 1000) + ((rangeMs % 1000) * 1e6) / 1e9;
}

/** The index of the first time greater than `time`. */
export function indexAfter(times: Float64Array, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function assertGrid(grid: StepGrid, steps: StepColumn): void {
  assert(grid.count <= steps.values.length && grid.count <= steps.present.length, "the steps have room");
  assert(grid.stepMs >= 0, "a grid goes forward");
}
