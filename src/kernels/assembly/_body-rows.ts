/**
 * What has been read of a body: the number of a series, a time and a value for each sample, in three columns. A time is
 * NaN where the sample has none.
 */

import { regrown } from "./_arena";

const SMALLEST: u32 = 4096;

export let rowCount: u32 = 0;
export let rowNumbers: usize = 0;
export let rowTimes: usize = 0;
export let rowValues: usize = 0;
let rowCapacity: u32 = 0;

export function addRow(series: u32, time: f64, value: f64): void {
  if (rowCount == rowCapacity) growRows();
  store<u32>(rowNumbers + (<usize>rowCount << 2), series);
  store<f64>(rowTimes + (<usize>rowCount << 3), time);
  store<f64>(rowValues + (<usize>rowCount << 3), value);
  rowCount++;
}

/** Forgets the rows from `first` on. */
export function dropRows(first: u32): void {
  rowCount = first;
}

/** The rows from `first` on have this time. */
export function setTimes(first: u32, time: f64): void {
  for (let row = first; row < rowCount; row++) store<f64>(rowTimes + (<usize>row << 3), time);
}

// @ts-ignore: decorator
@inline
export function setTime(row: u32, time: f64): void {
  store<f64>(rowTimes + (<usize>row << 3), time);
}

function growRows(): void {
  const larger = max(rowCapacity << 1, SMALLEST);
  const kept = <usize>rowCapacity;
  rowNumbers = regrown(rowNumbers, kept << 2, <usize>larger << 2, kept << 2);
  rowTimes = regrown(rowTimes, kept << 3, <usize>larger << 3, kept << 3);
  rowValues = regrown(rowValues, kept << 3, <usize>larger << 3, kept << 3);
  rowCapacity = larger;
}
