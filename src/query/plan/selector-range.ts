/**
 * Which samples a selector must load: the times its steps look at, widened by lookback, window and extension.
 *
 *   x                        (first - lookback, last]
 *   x[r]                     (first - r, last]
 *   x[r] anchored            (first - r - lookback, last]
 *   x[r] smoothed            (first - r - lookback, last + lookback]
 */

import type { StepGrid } from "../../kernels/column-kernel.js";
import type { TimeRange } from "../../model/sample.js";
import type { VectorSelector } from "../parser/ast.js";
import { gridEnd } from "./grid.js";

export interface Reach {
  readonly lookbackMs: number;
  readonly extension: VectorSelector["extension"];
  /** Of the window; undefined for an instant selector. */
  readonly rangeMs?: number | undefined;
}

/** For a grid that has steps. */
export function selectorRange(data: StepGrid, reach: Reach): TimeRange {
  const windowed = reach.rangeMs !== undefined;
  const before = (reach.rangeMs ?? 0) + (windowed && reach.extension === null ? 0 : reach.lookbackMs);
  const after = reach.extension === "smoothed" ? reach.lookbackMs : 0;
  return { minTime: data.start - before + 1, maxTime: gridEnd(data) + after };
}
