/**
 * What the column kernel's module exports, and which of its functions each roll-up is.
 */

import type { RollupFunction, StepGrid } from "./column-kernel.js";
import type { DenseExports } from "./dense.js";
import { rangeSeconds } from "./rollup.js";
import type { WasmExports } from "./wasm-module.js";

/** assembly/column.ts. Booleans are 0 or 1. */
export interface ColumnExports extends WasmExports, Pick<DenseExports, "decodeDense"> {
  decodeXor(
    bytes: number,
    sizeBytes: number,
    count: number,
    times: number,
    values: number,
    minTime: number,
    maxTime: number,
    dropStale: boolean,
  ): number;
  setColumn(times: number, values: number, length: number): void;
  setGrid(start: number, stepMs: number, count: number, results: number, present: number): void;
  lastBefore(lookbackMs: number): number;
  extrapolated(rangeMs: number, rangeSeconds: number, isCounter: boolean, isRate: boolean): number;
  lastTwo(rangeMs: number, isRate: boolean): number;
  edges(rangeMs: number, kind: number): number;
  sums(rangeMs: number, kind: number): number;
  extremes(rangeMs: number, isMax: boolean): number;
  transitions(rangeMs: number, isReset: boolean): number;
  slopes(rangeMs: number): number;
  predictions(rangeMs: number, seconds: number, evaluationStart: number, evaluationStepMs: number): number;
}

/** The kinds of `edges` and of `sums`, numbered as in the assembly source. */
const edge = { last: 0, first: 1, count: 2, present: 3 } as const;
const sum = { sum: 0, mean: 1, variance: 2, deviation: 3 } as const;

type WasmRollup = (exports: ColumnExports, rangeMs: number, rest: RollupRest) => number;

interface RollupRest {
  readonly parameter: number;
  readonly evaluationGrid: StepGrid;
}

/** The functions that have a quick form there. The others run in TypeScript, on views of the column. */
export const wasmRollups: Partial<Record<RollupFunction, WasmRollup>> = {
  rate: (wasm, rangeMs) => wasm.extrapolated(rangeMs, rangeSeconds(rangeMs), true, true),
  increase: (wasm, rangeMs) => wasm.extrapolated(rangeMs, rangeSeconds(rangeMs), true, false),
  delta: (wasm, rangeMs) => wasm.extrapolated(rangeMs, rangeSeconds(rangeMs), false, false),
  irate: (wasm, rangeMs) => wasm.lastTwo(rangeMs, true),
  idelta: (wasm, rangeMs) => wasm.lastTwo(rangeMs, false),
  last_over_time: (wasm, rangeMs) => wasm.edges(rangeMs, edge.last),
  first_over_time: (wasm, rangeMs) => wasm.edges(rangeMs, edge.first),
  count_over_time: (wasm, rangeMs) => wasm.edges(rangeMs, edge.count),
  present_over_time: (wasm, rangeMs) => wasm.edges(rangeMs, edge.present),
  sum_over_time: (wasm, rangeMs) => wasm.sums(rangeMs, sum.sum),
  avg_over_time: (wasm, rangeMs) => wasm.sums(rangeMs, sum.mean),
  stdvar_over_time: (wasm, rangeMs) => wasm.sums(rangeMs, sum.variance),
  stddev_over_time: (wasm, rangeMs) => wasm.sums(rangeMs, sum.deviation),
  min_over_time: (wasm, rangeMs) => wasm.extremes(rangeMs, false),
  max_over_time: (wasm, rangeMs) => wasm.extremes(rangeMs, true),
  changes: (wasm, rangeMs) => wasm.transitions(rangeMs, false),
  resets: (wasm, rangeMs) => wasm.transitions(rangeMs, true),
  deriv: (wasm, rangeMs) => wasm.slopes(rangeMs),
  predict_linear: (wasm, rangeMs, { parameter, evaluationGrid }) =>
    wasm.predictions(rangeMs, parameter, evaluationGrid.start, evaluationGrid.stepMs),
};
