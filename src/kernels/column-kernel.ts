/**
 * ColumnKernel: a column of samples of one series, decoded from chunks and rolled up into a column of steps.
 *
 * The query engine runs one kernel over one series at a time: `clear`, `decodeXor` for each chunk, then one
 * `lastBefore` or `rollup`. Both implementations answer the same, to the bit, and refuse the same bytes.
 *
 * Invariants
 *  1. Times in the column increase. The kernel does not check it: wrong order makes wrong answers, no faults.
 *  2. After an error the column is as it was before the call.
 */

import type { SampleColumns } from "../model/sample.js";
import { ReferenceColumnKernel } from "./reference-column-kernel.js";
import { columnModule, WasmColumnKernel } from "./wasm-column-kernel.js";
import type { windowFunctions } from "./window-functions.js";

/** The times start, start + stepMs, ... (`count` of them), shifted by offset and `@` already. stepMs may be 0. */
export interface StepGrid {
  readonly start: number;
  readonly stepMs: number;
  readonly count: number;
}

export type RollupFunction = keyof typeof windowFunctions;

/** What only few functions look at. */
export interface RollupOptions {
  /** The trend factor of double_exponential_smoothing. */
  readonly secondParameter?: number;
  /** The evaluation times where they are not the grid's, behind an offset or `@`: predict_linear starts there. */
  readonly evaluationGrid?: StepGrid;
}

export interface ColumnKernel {
  clear(): void;
  /** Samples in the column. */
  readonly length: number;
  /**
   * Decodes the first `count` samples of an XOR chunk behind the column's end; keeps those with
   * minTime <= time <= maxTime, and leaves staleness markers out when `dropStale`. Returns the new length.
   * Throws CorruptionError, and LimitExceededError when the column would be too long.
   */
  decodeXor(bytes: Uint8Array, count: number, minTime: number, maxTime: number, dropStale: boolean): number;
  /** The same for a dense chunk, of which `count` must be all samples. */
  decodeDense(bytes: Uint8Array, count: number, minTime: number, maxTime: number, dropStale: boolean): number;
  /** Appends samples that are decoded already (overlaps that were merged). Returns the new length. */
  append(columns: SampleColumns): number;
  /** Views of the column, valid until the next call of another method. */
  times(): Float64Array;
  values(): Float64Array;
  /**
   * Instant selector: at each step the last sample in (t - lookbackMs, t], absent when it is a staleness
   * marker. Writes values[i] and present[i] (1 or 0) for i < grid.count; returns how many are present. Where
   * present[i] is 0, values[i] means nothing.
   */
  lastBefore(grid: StepGrid, lookbackMs: number, values: Float64Array, present: Uint8Array): number;
  /**
   * Range-vector function over the windows (t - rangeMs, t]; staleness markers must have been left out.
   * `parameter` is phi of quantile_over_time, the seconds of predict_linear, the smoothing factor of
   * double_exponential_smoothing. Writes and returns as `lastBefore` does.
   */
  rollup(
    name: RollupFunction,
    grid: StepGrid,
    rangeMs: number,
    parameter: number,
    values: Float64Array,
    present: Uint8Array,
    options?: RollupOptions,
  ): number;
}

/** A fresh, empty kernel: in WebAssembly, or in TypeScript where that is missing. */
export function columnKernel(): ColumnKernel {
  const module = columnModule();
  return module === undefined ? new ReferenceColumnKernel() : new WasmColumnKernel(module);
}
