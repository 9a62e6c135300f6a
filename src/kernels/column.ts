/**
 * Column: times and values side by side, as the kernels read and write them.
 */
export interface Column {
  readonly times: Float64Array;
  readonly values: Float64Array;
}
