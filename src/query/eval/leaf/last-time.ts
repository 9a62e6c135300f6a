/**
 * When, not what: the time of the latest sample within the lookback, in seconds, for `timestamp` and `info`.
 */

import type { ColumnKernel, StepGrid } from "../../../kernels/column-kernel.js";
import { isStaleAt } from "../../../model/staleness.js";
import { gridTime } from "../../plan/grid.js";
import { ABSENT, type Column, FLOAT } from "../value.js";

/** Presence as of ColumnKernel.lastBefore. */
export function lastTimeBefore(
  kernel: ColumnKernel,
  { grid, lookbackMs }: { readonly grid: StepGrid; readonly lookbackMs: number },
  into: Column,
): number {
  const times = kernel.times();
  const values = kernel.values();
  let end = 0;
  let count = 0;
  for (let step = 0; step < grid.count; step++) {
    const time = gridTime(grid, step);
    while (end < times.length && times[end]! <= time) end++;
    const found = end > 0 && times[end - 1]! > time - lookbackMs && !isStaleAt(values, end - 1);
    into.present[step] = found ? FLOAT : ABSENT;
    if (!found) continue;
    into.values[step] = times[end - 1]! / 1000;
    count++;
  }
  return count;
}
