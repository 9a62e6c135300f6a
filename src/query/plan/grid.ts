/**
 * Grids: the evaluation times of a node, and where the grid of a selector or subquery lies behind an offset or `@`.
 *
 * A grid with `stepMs` 0 stands still: every step looks at the same time (a range selector with `@` whose other
 * arguments change).
 */

import type { StepGrid } from "../../kernels/column-kernel.js";
import type { TimeRange, TimestampMs } from "../../model/sample.js";

/** An offset and a fixed time, as numbers: what the AST's modifiers come to in one query. */
export interface TimeShift {
  readonly offsetMs: number;
  /** `@`; undefined without one. */
  readonly at: TimestampMs | undefined;
}

/** A grid of one step; its step length is never used, but 1 keeps divisions harmless. */
export function singleStep(time: TimestampMs): StepGrid {
  return { start: time, stepMs: 1, count: 1 };
}

export function rangeGrid(range: { start: TimestampMs; end: TimestampMs; stepMs: number }): StepGrid {
  const count = range.end < range.start ? 0 : Math.floor((range.end - range.start) / range.stepMs) + 1;
  return { start: range.start, stepMs: range.stepMs, count };
}

export function gridTime(grid: StepGrid, step: number): TimestampMs {
  return grid.start + step * grid.stepMs;
}

/** The last time of a grid that has steps. */
export function gridEnd(grid: StepGrid): TimestampMs {
  return gridTime(grid, grid.count - 1);
}

/** Where a selector looks when it is evaluated on `grid`: `@` first, then the offset. */
export function shiftGrid(grid: StepGrid, shift: TimeShift): StepGrid {
  if (shift.at === undefined) return { ...grid, start: grid.start - shift.offsetMs };
  return { start: shift.at - shift.offsetMs, stepMs: grid.count === 1 ? 1 : 0, count: grid.count };
}

/**
 * The inner grid of a subquery whose windows end at the steps of `ends`: multiples of the step, counted from the
 * epoch, from just behind the first window's open left end to the last window's end.
 *
 *   ends 100 s, range 30 s, step 20 s: 80 s, 100 s (not 60 s, and 70 s would be no multiple)
 */
export function subqueryGrid(ends: StepGrid, window: { rangeMs: number; stepMs: number }): StepGrid {
  if (ends.count === 0) return { start: ends.start, stepMs: window.stepMs, count: 0 };
  const start = window.stepMs * (Math.floor((ends.start - window.rangeMs) / window.stepMs) + 1);
  return rangeGrid({ start, end: gridEnd(ends), stepMs: window.stepMs });
}

/** Times of samples that windows of `rangeMs` ending at the steps of `ends` may hold: left-open, right-closed. */
export function windowRange(ends: StepGrid, rangeMs: number): TimeRange {
  return { minTime: ends.start - rangeMs + 1, maxTime: gridEnd(ends) };
}
