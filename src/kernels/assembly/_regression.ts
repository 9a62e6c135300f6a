/**
 * Least squares over windows: deriv and predict_linear. See ../linear-regression.ts, which it agrees with to the
 * bit: four sums, each compensated.
 */

import { advance, count, indexAfter, length, setPresent, setResult, start, stepTime, timeAt, valueAt } from "./_column";
import { isInfinite, lost } from "./_sums";

/** Of the line through the last window. */
let slope: f64 = 0;
let intercept: f64 = 0;

function regress(from: i32, to: i32, interceptTime: f64): void {
  let sumX: f64 = 0;
  let lostX: f64 = 0;
  let sumY: f64 = 0;
  let lostY: f64 = 0;
  let sumXY: f64 = 0;
  let lostXY: f64 = 0;
  let sumXX: f64 = 0;
  let lostXX: f64 = 0;
  const first = valueAt(from);
  let isConstant = true;
  for (let i = from; i < to; i++) {
    const y = valueAt(i);
    if (i > from && y != first) isConstant = false;
    const x = (timeAt(i) - interceptTime) / 1000;
    const newX = sumX + x;
    lostX = isInfinite(newX) ? 0 : lostX + lost(sumX, x, newX);
    sumX = newX;
    const newY = sumY + y;
    lostY = isInfinite(newY) ? 0 : lostY + lost(sumY, y, newY);
    sumY = newY;
    const xy = x * y;
    const newXY = sumXY + xy;
    lostXY = isInfinite(newXY) ? 0 : lostXY + lost(sumXY, xy, newXY);
    sumXY = newXY;
    const xx = x * x;
    const newXX = sumXX + xx;
    lostXX = isInfinite(newXX) ? 0 : lostXX + lost(sumXX, xx, newXX);
    sumXX = newXX;
  }
  if (isConstant) {
    slope = isInfinite(first) ? NaN : 0;
    intercept = isInfinite(first) ? NaN : first;
    return;
  }
  const samples = <f64>(to - from);
  const totalX = sumX + lostX;
  const totalY = sumY + lostY;
  const covariance = sumXY + lostXY - (totalX * totalY) / samples;
  const variance = sumXX + lostXX - (totalX * totalX) / samples;
  slope = covariance / variance;
  intercept = totalY / samples - (slope * totalX) / samples;
}

/** The slope per second. Times count from the window's first sample. */
export function slopes(rangeMs: f64): i32 {
  let from = indexAfter(start - rangeMs);
  let to = indexAfter(start);
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const rangeEnd = stepTime(step);
    to = advance(to, length, rangeEnd);
    from = advance(from, to, rangeEnd - rangeMs);
    const isPresent = to - from >= 2;
    setPresent(step, isPresent);
    if (!isPresent) continue;
    presentCount++;
    regress(from, to, timeAt(from));
    setResult(step, slope);
  }
  return presentCount;
}

/** The line's value `seconds` behind the evaluation time, which begins at `evaluationStart`. */
export function predictions(rangeMs: f64, seconds: f64, evaluationStart: f64, evaluationStepMs: f64): i32 {
  let from = indexAfter(start - rangeMs);
  let to = indexAfter(start);
  let presentCount = 0;
  for (let step = 0; step < count; step++) {
    const rangeEnd = stepTime(step);
    to = advance(to, length, rangeEnd);
    from = advance(from, to, rangeEnd - rangeMs);
    const isPresent = to - from >= 2;
    setPresent(step, isPresent);
    if (!isPresent) continue;
    presentCount++;
    regress(from, to, evaluationStart + <f64>step * evaluationStepMs);
    setResult(step, slope * seconds + intercept);
  }
  return presentCount;
}
