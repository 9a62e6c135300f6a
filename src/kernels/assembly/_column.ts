/**
 * The column and the grid that the roll-ups work on, and access to their elements.
 */

/** Set before each call of a roll-up: pointers to the columns, the grid, pointers to the results. */
let times: usize = 0;
let values: usize = 0;
export let length: i32 = 0;
export let start: f64 = 0;
let stepMs: f64 = 0;
export let count: i32 = 0;
let results: usize = 0;
let present: usize = 0;

export function setColumn(timesAt: usize, valuesAt: usize, sampleCount: i32): void {
  times = timesAt;
  values = valuesAt;
  length = sampleCount;
}

export function setGrid(first: f64, step: f64, steps: i32, resultsAt: usize, presentAt: usize): void {
  start = first;
  stepMs = step;
  count = steps;
  results = resultsAt;
  present = presentAt;
}

// @ts-ignore: decorator
@inline
export function timeAt(index: i32): f64 {
  return load<f64>(times + ((<usize>index) << 3));
}

// @ts-ignore: decorator
@inline
export function valueAt(index: i32): f64 {
  return load<f64>(values + ((<usize>index) << 3));
}

// @ts-ignore: decorator
@inline
export function bitsAt(index: i32): u64 {
  return load<u64>(values + ((<usize>index) << 3));
}

// @ts-ignore: decorator
@inline
export function setResult(step: i32, value: f64): void {
  store<f64>(results + ((<usize>step) << 3), value);
}

// @ts-ignore: decorator
@inline
export function setResultBits(step: i32, bits: u64): void {
  store<u64>(results + ((<usize>step) << 3), bits);
}

// @ts-ignore: decorator
@inline
export function setPresent(step: i32, isPresent: bool): void {
  store<u8>(present + <usize>step, <u8>isPresent);
}

// @ts-ignore: decorator
@inline
export function stepTime(step: i32): f64 {
  return start + <f64>step * stepMs;
}

/** The index of the first time greater than `time`. */
export function indexAfter(time: f64): i32 {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeAt(middle) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `index` moved forward over times up to `time`, but not beyond `end`. */
// @ts-ignore: decorator
@inline
export function advance(index: i32, end: i32, time: f64): i32 {
  while (index < end && timeAt(index) <= time) index++;
  return index;
}
