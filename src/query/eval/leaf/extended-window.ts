/**
 * `anchored` and `smoothed` selectors: windows that look past their edges instead of extrapolating.
 *
 *   anchored   the window begins with the last sample at or before its left edge
 *   smoothed   values at both edges are interpolated between the samples around them
 *
 * Source: Prometheus 3.14 `promql/functions.go` (extendedRate) and `engine.go` (smoothSeries, extendFloats).
 */

import type { ColumnKernel, StepGrid } from "../../../kernels/column-kernel.js";
import { indexAfter, rangeSeconds } from "../../../kernels/rollup.js";
import type { SampleColumns } from "../../../model/sample.js";
import { gridTime } from "../../plan/grid.js";
import { ABSENT, type Column, FLOAT } from "../value.js";
import type { ExtendedOperation } from "./leaf-task.js";

export type ExtendedFunction = "rate" | "increase" | "delta" | "changes" | "resets";

/** The samples of a column that one window sees: [first, end), its edges and what lies within the lookback of them. */
interface View {
  readonly times: Float64Array;
  readonly values: Float64Array;
  first: number;
  end: number;
  start: number;
  stop: number;
}

export function rollupExtended(kernel: ColumnKernel, operation: ExtendedOperation, into: Column): number {
  const { grid, rangeMs, lookbackMs } = operation;
  const smoothed = operation.extension === "smoothed";
  const view: View = { times: kernel.times(), values: kernel.values(), first: 0, end: 0, start: 0, stop: 0 };
  let count = 0;
  for (let step = 0; step < grid.count; step++) {
    view.stop = gridTime(grid, step);
    view.start = view.stop - rangeMs;
    view.first = indexAfter(view.times, view.start - lookbackMs);
    view.end = indexAfter(view.times, smoothed ? view.stop + lookbackMs : view.stop);
    const result = view.first < view.end ? evaluateWindow(view, operation) : undefined;
    into.present[step] = result === undefined ? ABSENT : FLOAT;
    if (result === undefined) continue;
    into.values[step] = result;
    count++;
  }
  return count;
}

function evaluateWindow(view: View, operation: ExtendedOperation): number | undefined {
  const smoothed = operation.extension === "smoothed";
  switch (operation.function) {
    case "delta":
      return difference(view, { smoothed, isCounter: false });
    case "increase":
      return difference(view, { smoothed, isCounter: true });
    case "rate": {
      const increase = difference(view, { smoothed, isCounter: true });
      return increase === undefined ? undefined : increase / rangeSeconds(operation.rangeMs);
    }
    case "changes":
      return countSteps(
        view,
        (before, after) => before !== after && !(Number.isNaN(before) && Number.isNaN(after)),
      );
    case "resets":
      return countSteps(view, (before, after) => after < before);
  }
}

interface Manner {
  readonly smoothed: boolean;
  readonly isCounter: boolean;
}

function difference(view: View, manner: Manner): number | undefined {
  const edges = findEdges(view, manner);
  if (edges === undefined) return undefined;
  const { left, right, inner } = edges;
  let result = right - left;
  if (!manner.isCounter) return result;
  let previous = left;
  for (let i = inner.first; i < inner.end; i++) {
    const value = view.values[i]!;
    if (value < previous) result += previous;
    previous = value;
  }
  return right < previous ? result + previous : result;
}

/** Values at the window's edges, and the samples strictly between; undefined when no sample is in the window. */
function findEdges(view: View, manner: Manner) {
  const { times, values, start, stop } = view;
  const first = firstSample(view);
  let last = view.end - 1;
  if (manner.smoothed) last = Math.min(last, Math.max(view.first, indexFrom(times, stop)));
  if (times[last]! <= start || times[first]! > stop) return undefined;
  const left =
    manner.smoothed && times[first]! < start ? interpolate(view, first, start, manner) : values[first]!;
  const right =
    manner.smoothed && last > view.first && times[last]! > stop
      ? interpolate(view, last - 1, stop, manner)
      : values[last]!;
  const inner = {
    first: times[first]! <= start ? first + 1 : first,
    end: times[last]! >= stop ? last : last + 1,
  };
  return { left, right, inner };
}

/** The last sample at or before the window's start, else the first one. */
function firstSample({ times, first, end, start }: View): number {
  return Math.max(first, Math.min(indexAfter(times, start), end - 1) - 1);
}

/** The index of the first time not less than `time`. */
function indexFrom(times: Float64Array, time: number): number {
  const after = indexAfter(times, time);
  return after > 0 && times[after - 1] === time ? after - 1 : after;
}

/** Between sample `index` and the next. A counter that was reset between them counts up from zero. */
function interpolate({ times, values }: View, index: number, time: number, manner: Manner): number {
  const after = values[index + 1]!;
  let before = values[index]!;
  if (manner.isCounter && after < before) before = 0;
  return before + ((after - before) * (time - times[index]!)) / (times[index + 1]! - times[index]!);
}

function countSteps(view: View, counts: (before: number, after: number) => boolean): number | undefined {
  if (view.times[view.end - 1]! <= view.start) return undefined;
  let count = 0;
  for (let i = firstSample(view) + 1; i < view.end; i++) {
    if (counts(view.values[i - 1]!, view.values[i]!)) count++;
  }
  return count;
}

/** `metric smoothed`: the value at the step itself, interpolated, or the last one where none follows. */
export function smoothInstant(
  kernel: ColumnKernel,
  { grid, lookbackMs }: { readonly grid: StepGrid; readonly lookbackMs: number },
  into: Column,
): number {
  const times = kernel.times();
  const values = kernel.values();
  let count = 0;
  for (let step = 0; step < grid.count; step++) {
    const time = gridTime(grid, step);
    const first = indexAfter(times, time - lookbackMs);
    const end = indexAfter(times, time + lookbackMs);
    const last = indexAfter(times, time) - 1;
    into.present[step] = last >= first ? FLOAT : ABSENT;
    if (last < first) continue;
    const view: View = { times, values, first, end, start: time, stop: time };
    const between = times[last]! < time && last + 1 < end;
    into.values[step] = between
      ? interpolate(view, last, time, { smoothed: true, isCounter: false })
      : values[last]!;
    count++;
  }
  return count;
}

/** `metric[5m] anchored` as a result: the samples inside, with points put on both edges. */
export function extendWindow(
  samples: SampleColumns,
  window: { readonly start: number; readonly stop: number },
  smoothed: boolean,
): SampleColumns {
  const { times, values, length } = samples;
  const empty = { times: new Float64Array(0), values: new Float64Array(0), length: 0 };
  if (length === 0) return empty;
  const edges = findEdges(
    { times, values, first: 0, end: length, ...window },
    { smoothed, isCounter: false },
  );
  if (edges === undefined) return empty;
  const { first, end } = edges.inner;
  const inside = Math.max(0, end - first);
  const extended = {
    times: new Float64Array(inside + 2),
    values: new Float64Array(inside + 2),
    length: inside + 2,
  };
  extended.times.set([window.start], 0);
  extended.values.set([edges.left], 0);
  extended.times.set(times.subarray(first, first + inside), 1);
  extended.values.set(values.subarray(first, first + inside), 1);
  extended.times.set([window.stop], inside + 1);
  extended.values.set([edges.right], inside + 1);
  return extended;
}
