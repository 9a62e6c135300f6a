/**
 * Values of expressions over a grid: a column per series instead of a vector per step.
 *
 * Invariants
 *  1. `values` and `present` have one entry per step of the node's grid.
 *  2. `present[i]` is ABSENT or FLOAT; `values[i]` means nothing where it is ABSENT. A third kind, for native
 *     histograms held in a column beside `values`, is the next step: code tests for FLOAT, not for "not 0".
 *  3. A series of a vector has a value at one step at least. Label sets may repeat only where `dropName` is
 *     pending (delayed name removal).
 */

import type { Labels } from "../../model/labels.js";

export const ABSENT = 0;
export const FLOAT = 1;

export interface Column {
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

/** Columns belong to who evaluated them and may be written over by the node above. */
export interface VectorSeries {
  readonly labels: Labels;
  /** The metric name is still there and goes at the end of the query (delayed name removal). */
  readonly dropName: boolean;
  readonly column: Column;
}

/** Raw points, of a range vector that is itself the result of the query. */
export interface MatrixSeries {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

export type Value =
  | { readonly kind: "scalar"; readonly values: Float64Array }
  | { readonly kind: "vector"; readonly series: readonly VectorSeries[] }
  | { readonly kind: "matrix"; readonly series: readonly MatrixSeries[] }
  | { readonly kind: "string"; readonly value: string };

export type ScalarValue = Extract<Value, { kind: "scalar" }>;
export type VectorValue = Extract<Value, { kind: "vector" }>;

export const EMPTY_VECTOR: VectorValue = { kind: "vector", series: [] };

export function scalar(values: Float64Array): ScalarValue {
  return { kind: "scalar", values };
}

export function vector(series: readonly VectorSeries[]): VectorValue {
  return { kind: "vector", series };
}

export function hasValue(column: Column): boolean {
  return column.present.includes(FLOAT);
}

/** Of a column: a value and a presence byte. */
export const STEP_BYTES = 9;
/** Of a raw sample: a time and a value. */
export const SAMPLE_BYTES = 16;

/** Bytes of the columns that a value holds. */
export function byteCount(value: Value): number {
  switch (value.kind) {
    case "scalar":
      return value.values.length * STEP_BYTES;
    case "vector":
      return value.series.reduce((sum, { column }) => sum + column.values.length * STEP_BYTES, 0);
    case "matrix":
      return value.series.reduce((sum, { times }) => sum + times.length * SAMPLE_BYTES, 0);
    case "string":
      return 0;
  }
}

export function presentCount({ present }: Column): number {
  let count = 0;
  for (let step = 0; step < present.length; step++) if (present[step] !== ABSENT) count++;
  return count;
}
