/**
 * Sums over windows: sum, average, variance. Each window is added anew, as Kahan summation cannot be undone.
 *
 * The step of Kahan's and Neumaier's summation stands here in full wherever a sum grows: two running numbers
 * must stay in locals to be quick.
 */

import { advance, count, indexAfter, length, setPresent, setResult, start, stepTime, valueAt } from "./_column";

/** What `sum` loses when `value` is added and `total` comes out. */
// @ts-ignore: decorator
@inline
export function lost(sum: f64, value: f64, total: f64): f64 {
  return abs(sum) >= abs(value) ? sum - total + value : value - total + sum;
}

// @ts-ignore: decorator
@inline
export function isInfinite(value: f64): bool {
  return abs(value) == Infinity;
}

function sumOf(from: i32, to: i32): f64 {
  let sum: f64 = 0;
  let compensation: f64 = 0;
  for (let i = from; i < to; i++) {
    const value = valueAt(i);
    const total = sum + value;
    compensation = isInfinite(total) ? 0 : compensation + lost(sum, value, total);
    sum = total;
  }
  return isInfinite(sum) ? sum : sum + compensation;
}

function meanOf(from: i32, to: i32): f64 {
  let sum = valueAt(from);
  let compensation: f64 = 0;
  let i = from + 1;
  for (; i < to; i++) {
    const value = valueAt(i);
    const total = sum + value;
    if (isInfinite(total)) break;
    compensation += lost(sum, value, total);
    sum = total;
  }
  const added = <f64>(i - from);
  return i == to ? sum / added + compensation / added : grownMean(i, from, to, sum / added, compensation / added);
}

/** The mean of [from, i), continued sample by sample, as the sum would overflow. */
function grownMean(i: i32, from: i32, to: i32, mean: f64, compensation: f64): f64 {
  for (; i < to; i++) {
    const samples = <f64>(i - from + 1);
    const weight = (samples - 1) / samples;
    const value = valueAt(i) / samples;
    mean *= weight;
    compensation *= weight;
    const total = mean + value;
    compensation = isInfinite(total) ? 0 : compensation + lost(mean, value, total);
    mean = total;
  }
  return mean + compensation;
}

function varianceOf(from: i32, to: i32): f64 {
  let mean: f64 = 0;
  let meanLost: f64 = 0;
  let squares: f64 = 0;
  let squaresLost: f64 = 0;
  for (let i = from; i < to; i++) {
    const value = valueAt(i);
    const deviation = value - (mean + meanLost);
    const share = deviation / <f64>(i - from + 1);
    const newMean = mean + share;
    meanLost = isInfinite(newMean) ? 0 : meanLost + lost(mean, share, newMean);
    mean = newMean;
    const square = deviation * (value - (mean + meanLost));
    const newSquares = squares + square;
    squaresLost = isInfinite(newSquares) ? 0 : squaresLost + lost(squares, square, newSquares);
    squares = newSquares;
  }
  return (squares + squaresLost) / <f64>(to - from);
}

const SUM: i32 = 0;
const MEAN: i32 = 1;
const VARIANCE: i32 = 2;

/** Any other `kind` is the standard deviation. */
export function sums(rangeMs: f64, kind: i32): i32 {
  let from = indexAfter(start - rangeMs);
  let to = indexAfter(start);
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const rangeEnd = stepTime(step);
    to = advance(to, length, rangeEnd);
    from = advance(from, to, rangeEnd - rangeMs);
    const isPresent = from < to;
    setPresent(step, isPresent);
    if (!isPresent) continue;
    presentCount++;
    if (kind == SUM) setResult(step, sumOf(from, to));
    else if (kind == MEAN) setResult(step, meanOf(from, to));
    else if (kind == VARIANCE) setResult(step, varianceOf(from, to));
    else setResult(step, sqrt(varianceOf(from, to)));
  }
  return presentCount;
}
