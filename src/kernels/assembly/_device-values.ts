/**
 * What the values of devices in JSON and in MessagePack have in common: see ../../ingest/device/device-rows.ts. The bytes
 * before what changes are a key, for which the columns' names have an owner of their own.
 */

import { regrown } from "./_arena";

/** Longer ones are not looked for. */
export const HEAD_SIZE_MAX: usize = 2048;
/** Columns of one value. */
const COLUMNS_MAX: u32 = 512;

/** Milliseconds of a unit of time. */
export let timeScale: f64 = 1;
/** Bytes of one value. */
export let sizeMax: usize = 0;

export let timeCount: u32 = 0;
let times: usize = 0;
let timeCapacity: u32 = 0;

const seen: usize = memory.data(512 * 4);
let seenCount: u32 = 0;
let largest: u32 = 0;

export function beginDevice(scale: f64, valueSizeMax: usize): void {
  timeScale = scale;
  sizeMax = valueSizeMax;
}

/** A value with columns begins. */
export function beginColumns(): void {
  timeCount = 0;
  seenCount = 0;
  largest = 0;
}

export function addTime(time: f64): void {
  if (timeCount == timeCapacity) {
    const larger = max<u32>(timeCapacity << 1, 256);
    times = regrown(times, <usize>timeCapacity << 3, <usize>larger << 3, <usize>timeCapacity << 3);
    timeCapacity = larger;
  }
  store<f64>(times + (<usize>timeCount << 3), time);
  timeCount++;
}

// @ts-ignore: decorator
@inline
export function timeAt(i: u32): f64 {
  return load<f64>(times + (<usize>i << 3));
}

/** False for one that this value has had: then the last of them counts, and for what is too much to look through. */
export function isNewColumn(series: u32): bool {
  if (seenCount == COLUMNS_MAX) return false;
  if (series <= largest && seenCount > 0)
    for (let i: u32 = 0; i < seenCount; i++) if (load<u32>(seen + (<usize>i << 2)) == series) return false;
  store<u32>(seen + (<usize>seenCount << 2), series);
  seenCount++;
  largest = max(largest, series);
  return true;
}
