/**
 * What a scan hands out: a row for each sample, and an entry for each thing that TypeScript must look at.
 *
 *   row    series index u32 | time f64 | value f64, in three columns
 *   entry  16 words, as ../remote-write-format.ts has them
 */

import { fail, REGION_FULL } from "./_fault";
import { allocate, grownCapacity } from "./_region";

export const ENTRY_SIZE: usize = 64;
const SMALLEST: usize = 4096;

export let rowCount: u32 = 0;
export let seriesIndexes: usize = 0;
export let times: usize = 0;
export let values: usize = 0;
let rowCapacity: u32 = 0;

export let entryCount: u32 = 0;
export let entries: usize = 0;
let entryCapacity: u32 = 0;

/** Begins anew. */
export function beginRows(): void {
  if (rowCapacity == 0) growRows();
  rowCount = 0;
  entryCount = 0;
}

/** Makes room for what the last scan had no room for. */
export function growRows(): void {
  if (rowCount == rowCapacity) {
    rowCapacity = <u32>grownCapacity(rowCapacity, rowCount + 1, SMALLEST);
    seriesIndexes = allocate(<usize>rowCapacity << 2);
    times = allocate(<usize>rowCapacity << 3);
    values = allocate(<usize>rowCapacity << 3);
  }
  if (entryCount == entryCapacity) {
    entryCapacity = <u32>grownCapacity(entryCapacity, entryCount + 1, SMALLEST / 16);
    entries = allocate(<usize>entryCapacity * ENTRY_SIZE);
  }
}

/** Returns false, at a position, when there is no room. */
// @ts-ignore: decorator
@inline
export function addRow(time: i64, value: u64, at: usize): bool {
  if (rowCount == rowCapacity) return fail(REGION_FULL, at) != 0;
  store<f64>(times + (<usize>rowCount << 3), <f64>time);
  store<u64>(values + (<usize>rowCount << 3), value);
  rowCount++;
  return true;
}

/** Adds the row of a series. Returns false when there is no room. */
// @ts-ignore: decorator
@inline
export function addKnownRow(time: i64, value: u64, index: u32): bool {
  const row: usize = rowCount;
  if (<u32>row == rowCapacity) return false;
  store<u32>(seriesIndexes + (row << 2), index);
  store<f64>(times + (row << 3), <f64>time);
  store<u64>(values + (row << 3), value);
  rowCount = <u32>row + 1;
  return true;
}

/** Forgets the rows from `first` on. */
export function dropRows(first: u32): void {
  rowCount = first;
}

/** Gives `count` rows to a series. */
// @ts-ignore: decorator
@inline
export function assignRows(first: u32, count: u32, index: u32): void {
  const end = first + count;
  for (let row = first; row < end; row++) store<u32>(seriesIndexes + (<usize>row << 2), index);
}

/** The address of a new entry, all zeros; 0 when there is no room. */
export function addEntry(at: usize): usize {
  if (entryCount == entryCapacity) return fail(REGION_FULL, at);
  const entry = entries + <usize>entryCount * ENTRY_SIZE;
  entryCount++;
  memory.fill(entry, 0, ENTRY_SIZE);
  return entry;
}

// @ts-ignore: decorator
@inline
export function entryAt(position: u32): usize {
  return entries + <usize>position * ENTRY_SIZE;
}

/** Forgets the entries from `count` on. */
export function keepEntries(count: u32): void {
  entryCount = count;
}
